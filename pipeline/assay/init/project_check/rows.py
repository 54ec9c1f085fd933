"""What can be known of a project's rows without reading one: days to fold, and where inputs lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from assay.errors import AssayError
from assay.init.project_check.stages import PRODUCED
from assay.project import layout
from assay.project.params import Params
from assay.project.params.inputs import NIGHT_IN_PATH
from assay.project.text import quote_value


def fold_faults(params: Params) -> Iterator[str]:
    """A training window of fewer days than there are to be folds."""
    window, folds = params.prepare.train, params.train.folds
    if folds > window.days:
        yield AssayError(
            "too few days to cut into folds",
            where=f"{layout.PARAMS}: train.folds",
            expected=f"at most {window.days}, the days of prepare.train",
            found=f"{folds}",
            fix="Use fewer folds or a longer training window",
        ).line()


def missing_inputs(params: Params, root: Path) -> Iterator[str]:
    """A line for each input that is not there, and that no stage of Assay's makes.

    Only local paths are looked at. No fault, because the first night may come later.
    """
    for key, path in _paths(params):
        # The name of a night is in the last part of a path alone.
        folder = path.rpartition("/")[0] if NIGHT_IN_PATH in path else path
        made = any(f"{folder}/".startswith(f"{each}/") for each in PRODUCED)
        if "://" not in folder and not made and not (root / folder).exists():
            yield AssayError(
                f"nothing lies at {quote_value(folder)} yet",
                where=f"{layout.PARAMS}: {key}",
                fix="Check the spelling, if it is not to come later",
            ).line()


def _paths(params: Params) -> Iterator[tuple[str, str]]:
    given, labels = params.score.input, params.labels.input
    for key, path in given.paths().items():
        yield f"score.input{key}", path
    if labels is not None:
        yield "labels.input", labels.path
