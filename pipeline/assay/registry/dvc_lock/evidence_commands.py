"""Checks that stages that produce evidence run Assay's own commands, and nothing else. Pure.

A stage may run any command. One that runs the gate on other tests than those in git, or edits a
report after it was written, leaves a dvc.lock in which everything agrees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from assay.project import layout
from assay.registry.dvc_lock.compare import Pipeline

MAKERS = {
    layout.CONTRACT_REPORT: "contract",
    layout.PREPARED: "prepare",
    layout.LEAKAGE: "leakage",
    layout.EVALUATION: "evaluate",
    layout.CHAMPION: "champion",
    layout.COMPARISON: "compare",
    layout.LAST_NIGHTS: "nights",
    layout.REHEARSAL: "rehearse",
    layout.VERDICT: "gate",
}
"""The files that a verdict depends on, and the command that writes each."""
_OPTIONS = r"(?: [\w./:=,@+-]+)*"
"""Words without special meaning in a shell."""


def foreign_commands(pipeline: Pipeline, makers: Mapping[str, str] = MAKERS) -> tuple[str, ...]:
    """A line for each stage that produces evidence by another command than Assay's.

    Parameters
    ----------
    makers
        What counts as evidence, and the command that writes it.
    """
    return tuple(_foreign(pipeline, makers))


def _foreign(pipeline: Pipeline, makers: Mapping[str, str]) -> Iterator[str]:
    for stage in pipeline.stages:
        outputs = [file.path for file in stage.outputs]
        for path, name in makers.items():
            whole = pipeline.path_from_dvc_root(path)
            makes = any(each == whole or each.startswith(f"{whole}/") for each in outputs)
            if makes and not re.fullmatch(f"assay {name}{_OPTIONS}", stage.command):
                yield (
                    f"{stage.name}: {path} is made by {_short(stage.command)}, "
                    f"where only `assay {name}` alone is evidence"
                )


def _short(command: str) -> str:
    line = " ".join(command.split())
    return f"`{line if len(line) <= 60 else f'{line[:57]}...'}`"
