"""``assay deploy``: write the files of a scheduler."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.errors import UsageError
from assay.monitor.deploy.targets import schedule_files
from assay.project.document import write_text
from assay.project.params import Params

FOLDER = "deploy"


@dataclass(frozen=True)
class WrittenSchedule:
    """The files that were written, remarks on what was not, and how to install them."""

    target: str
    files: tuple[str, ...]
    install: tuple[str, ...]
    remarks: tuple[str, ...]


def run(root: Path, params: Params, target: str, out: Path | None = None) -> WrittenSchedule:
    """Write the files of ``target``. Files of the same names are replaced, others stay.

    Parameters
    ----------
    out
        The folder, ``deploy/TARGET`` in the project by default.

    Raises
    ------
    ParamsError
        params.yaml lacks what the target needs, or holds what its files cannot.
    UsageError
        The target runs a file of the project's clone, and ``out`` is not in the project.
    """
    folder = root / FOLDER / target if out is None else Path.cwd() / out
    try:
        inside = folder.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        if target == "cron":
            raise UsageError(
                "cron runs a script in the project's clone",
                where="assay deploy --out",
                expected="a folder in the project",
                found=str(out),
            ) from None
        inside = str(folder)
    made = schedule_files(params, target, inside)
    for name, text in made.texts.items():
        path = folder / name
        write_text(path, text)
        if text.startswith("#!"):
            path.chmod(0o755)
    files = tuple(f"{inside}/{name}" for name in made.texts)
    return WrittenSchedule(target, files, made.install, made.remarks)
