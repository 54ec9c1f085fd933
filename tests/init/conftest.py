"""New projects, set up by DVC in the tests' process; the command's own tests start it."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.init import command
from tests import projects


@pytest.fixture(autouse=True)
def dvc_here(monkeypatch: pytest.MonkeyPatch) -> None:
    program, real = command._DVC, command._call

    def call(folder: Path, *words: str) -> None:
        if words[: len(program)] == program:
            projects.dvc(folder, *words[len(program) :])
        else:
            real(folder, *words)

    monkeypatch.setattr(command, "_call", call)
