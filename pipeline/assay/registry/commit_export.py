"""Exports a commit as a project of its own, so that evidence is never read from the work tree."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import AssayError, ParamsError, PromotionRefused, StageInputMissing
from assay.project import layout
from assay.project import params as parameters
from assay.project.document import read_stage_file
from assay.project.params import Params
from assay.registry import dvc_pipeline, fetch, git
from assay.registry.dvc_pipeline import Pipeline


@contextmanager
def export_commit(root: Path, commit: str) -> Iterator[Path]:
    """The project's folder in an export of everything that git holds at a commit, byte for byte."""
    _, folder = git.root_and_prefix(root)
    with tempfile.TemporaryDirectory(prefix="assay-commit-") as scratch:
        whole = Path(scratch).resolve() / "tree"
        whole.mkdir()
        git.export(root, commit, whole)
        (whole / folder).mkdir(parents=True, exist_ok=True)
        yield whole / folder


def read_params(there: Path) -> Params:
    """params.yaml of the commit.

    Raises
    ------
    PromotionRefused
        It is not in the commit, or is invalid.
    """
    if not (there / layout.PARAMS).is_file():
        raise PromotionRefused(
            "it is not in the commit",
            where=layout.PARAMS,
            expected="the policy that the verdict is about",
            fix=f"git add {layout.PARAMS} and commit.",
        )
    try:
        return parameters.load(there)
    except ParamsError as error:
        raise PromotionRefused(
            "the commit's own makes no sense", where=layout.PARAMS, found="; ".join(error.lines())
        ) from None


def stage_output_reader(root: Path, there: Path, commit: str) -> Callable[[str, str], str]:
    """Reads a stage's output as of the commit, by its path and the stage that writes it.

    From git, else by its hash from DVC, which keeps the report on the contract.
    """

    def text(name: str, stage: str) -> str:
        try:
            return read_stage_file(there, name, stage)
        except StageInputMissing:
            return fetch.read_file_at(root, commit, name)

    return text


def try_read_pipeline(there: Path) -> tuple[Pipeline | None, str | None]:
    """dvc.yaml and dvc.lock at the commit, or the reason why they cannot be compared."""
    with tempfile.TemporaryDirectory(prefix="assay-dvc-") as scratch:
        try:
            return dvc_pipeline.read_pipeline(there, Path(scratch)).without_frozen(), None
        except AssayError as error:
            return None, error.line()
