"""A data class that is given options is frozen, so that nobody changes what others hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import assay

PACKAGE = Path(assay.__file__).parent
DATA_CLASS = re.compile(r"^\s*@dataclass\(([^)]*)\)", re.MULTILINE)
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file())


@pytest.mark.parametrize("room", ROOMS)
def test_it_is_frozen(room: str) -> None:
    loose = [
        path.name
        for path in (PACKAGE / room).rglob("*.py")
        for options in DATA_CLASS.findall(path.read_text(encoding="utf-8"))
        if "frozen=True" not in options
    ]
    assert loose == []
