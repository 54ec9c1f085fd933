"""What a rehearsal says."""

from __future__ import annotations

from assay.cli.show import rehearsal
from tests.gate import build


def test_what_is_not_compiled_is_said_with_its_reason() -> None:
    assert not [line for line in rehearsal.lines(build.rehearsal()) if "compiled" in str(line)]
    slow = build.rehearsal(uncompiled=("the model is not compiled: its answers are drawn",))
    told = "rehearse: the model is not compiled: its answers are drawn"
    assert told in list(rehearsal.lines(slow))
