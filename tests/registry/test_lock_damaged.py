"""dvc.yaml and dvc.lock damaged in many ways, or made to unfold without end: one line each."""

from __future__ import annotations

from typing import Any

import pytest

from assay.errors import PipelineFileError
from assay.project import layout
from assay.registry import dvc_pipeline as lock_read
from tests import mutate
from tests.mutate import Told

FILES = [layout.DVC_YAML, layout.DVC_LOCK]


@pytest.mark.parametrize("name", FILES)
def test_damaged(project: Any, name: str) -> None:
    told = Told(*FILES)
    text = (project.root / name).read_bytes()
    for what, data in mutate.files(text, 20, 9, mutate.lines):
        (project.root / name).write_bytes(data)
        told(what, lambda: lock_read.read_pipeline(project.root))
    assert told.refused >= 8


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("text", [mutate.bomb(), "a: " + "[" * 100_000], ids=["bomb", "deep"])
def test_limits(project: Any, name: str, text: str) -> None:
    (project.root / name).write_text(text, encoding="utf-8")
    with pytest.raises(PipelineFileError, match=f"^{name}:"):
        lock_read.read_pipeline(project.root)
