"""``assay init``: a project for a table, ready for its first `dvc repro`."""

from __future__ import annotations

import filecmp
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from assay.errors import NotARepository, UsageError
from assay.formats.definition import Understanding
from assay.formats.facts import as_time
from assay.formats.reader import read
from assay.formats.understand import understand
from assay.init.decide import decide, time_column
from assay.init.plan import Plan
from assay.init.render import render
from assay.init.survey import survey
from assay.init.wishes import Wishes, refuse_unknown
from assay.ops.deploy.schedulers import GitHub, workflows
from assay.project import layout
from assay.project.document import write_text
from assay.project.processes import python_command
from assay.registry import git

DATA = "data"


@dataclass(frozen=True)
class NewProject:
    """A project that was written: its folder, its plan, and its files."""

    folder: Path
    plan: Plan
    files: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        return {"folder": str(self.folder), **self.plan.as_json(), "files": list(self.files)}


def look(folder: Path, data: Path, *, names: Sequence[str] = ()) -> Understanding:
    """Find out how the table ``data`` is written, before anything is asked or written.

    Parameters
    ----------
    names
        Of columns without a header.

    Raises
    ------
    SourceError
        The table cannot be read.
    UsageError
        ``folder`` holds a project, or the table lies where its stages will write.
    """
    refuse_project(folder)
    refuse_output(folder, _inside(folder, data))
    return understand(data, names=names)


def run(folder: Path, data: Path, understood: Understanding, wishes: Wishes) -> NewProject:
    """Write a project for the table ``data`` into ``folder``, and set up git and DVC there.

    Parameters
    ----------
    folder
        Need not exist. Files of git and DVC in it get more lines, a README stays; after an error
        or an interrupt it is as it was.
    data
        The table; copied into the project unless it lies there already.
    understood
        From `look`.

    Raises
    ------
    SourceError
        The table is too small.
    LabelError
        The target cannot be learnt.
    UsageError
        A named column is not in the table, or another file has the name of one that is written.
    NotARepository
        Git is not installed; the project is written all the same. Or git or DVC failed.
    """
    refuse_unknown(understood, wishes)
    if wishes.time is not None:
        understood = as_time(understood, wishes.time)
    time = time_column(understood, wishes)
    seen = survey(read(data, understood.table), understood.rows, time)
    inside = _inside(folder, data)
    place = inside or f"{DATA}/{data.name}"
    plan = decide(understood, seen, time, place, wishes)
    texts = with_existing(folder, {**render(plan), **_workflows()})
    copied = [] if inside is not None else [place]
    refuse_others(folder, dict.fromkeys(copied, data))
    with all_or_nothing(folder, [*texts, *copied]):
        for each in copied:
            target = folder / each
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            shutil.copyfile(data, part)
            part.replace(target)
        for path, text in texts.items():
            write_text(folder / path, text)
        set_up(folder, place)
    return NewProject(folder, plan, (*texts, place))


def _workflows() -> dict[str, str]:
    """The text of each workflow of GitHub, by its path in a project."""
    return {f"{GitHub.place}/{name}": text for name, text in workflows().items()}


def _inside(folder: Path, data: Path) -> str | None:
    """The table's path in the project; None if it lies elsewhere."""
    try:
        return data.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        return None


# ------- the folder that a project is written into: nothing that is there is lost or left half done

SHARED_FILES = (".gitignore", ".dvcignore", ".gitattributes")
"""Files to which each tool adds its lines."""
README, BESIDE = "README.md", "ASSAY.md"
"""Where a README is already, that of the project gets another name."""

_PROJECT = (layout.PARAMS, layout.DVC_YAML, "data/contract.py", "data/source.py")
_DVC = tuple(python_command("dvc"))
"""DVC beside this Python, whether or not its folder is on the PATH."""


def refuse_project(folder: Path) -> None:
    """Refuse a folder that holds a project, or is none.

    Raises
    ------
    UsageError
    """
    there = [name for name in _PROJECT if (folder / name).exists()]
    if there:
        raise UsageError(
            "there is a project already, and nothing of it is overwritten",
            where=str(folder),
            expected="a folder without params.yaml, dvc.yaml and data/",
            found=", ".join(there),
            fix="Name another folder: assay init DIR --data TABLE --target COLUMN",
        )
    if folder.exists() and not folder.is_dir():
        raise UsageError("this is no folder", where=str(folder))


def refuse_output(folder: Path, table: str | None) -> None:
    """Refuse a table that lies where stages write, which DVC empties first.

    Parameters
    ----------
    table
        Its path in the folder; None if it lies elsewhere.

    Raises
    ------
    UsageError
    """
    text = (files("assay.init") / "templates" / "gitignore.jinja").read_text(encoding="utf-8")
    outputs = [line.strip("/") for line in text.splitlines() if line.startswith("/")]
    inside = [each for each in outputs if f"{table}/".startswith(f"{each}/")]
    if table is not None and inside:
        raise UsageError(
            f"the table lies in {inside[0]}/, which the project's stages write anew each time",
            where=str(folder / table),
            fix=f"Move it, for example to {folder / 'data' / Path(table).name}",
        )


def with_existing(folder: Path, texts: Mapping[str, str]) -> dict[str, str]:
    """The texts to write, beside the files that are there.

    Parameters
    ----------
    texts
        Path in the folder -> text. Of `SHARED_FILES` the lines that are there stay, and come first.

    Raises
    ------
    UsageError
        Another file would be overwritten.
    """
    written = dict(texts)
    for name in SHARED_FILES:
        if (path := folder / name).exists():
            written[name] = _with_rules(path.read_text(encoding="utf-8"), texts[name])
    if (folder / README).exists() and (folder / README).read_bytes() != written[README].encode():
        written[BESIDE] = written.pop(README)
    refuse_others(
        folder, {path: text for path, text in written.items() if path not in SHARED_FILES}
    )
    return written


def _with_rules(kept: str, fresh: str) -> str:
    """One of `SHARED_FILES` as it is, and behind it what a ``fresh`` one has and it lacks."""
    more = [line for line in _rules(fresh) if line not in _rules(kept)]
    return kept if not more else kept.rstrip("\n") + "\n" + "".join(f"{line}\n" for line in more)


def _rules(text: str) -> list[str]:
    """The lines that do something."""
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def refuse_others(folder: Path, wanted: Mapping[str, str | Path]) -> None:
    """Refuse to write where another file is.

    Parameters
    ----------
    wanted
        Path in the folder -> the text that will be there, or the file that will be copied there.

    Raises
    ------
    UsageError
    """
    other = [path for path, given in wanted.items() if _differs(folder / path, given)]
    if other:
        raise UsageError(
            "files are there already, and nothing is overwritten",
            where=str(folder),
            found=", ".join(other),
            fix="Move them, or name another folder: assay init DIR --data TABLE --target COLUMN",
        )


def _differs(path: Path, given: str | Path) -> bool:
    if not path.exists():
        return False
    if isinstance(given, str):
        return path.is_dir() or path.read_bytes() != given.encode()
    return not filecmp.cmp(given, path, shallow=False)


@contextmanager
def all_or_nothing(folder: Path, paths: Iterable[str]) -> Iterator[None]:
    """Leave the folder as it was if the block is interrupted or fails.

    Where git is not installed, what was written stays: it is whole without it.

    Parameters
    ----------
    paths
        The files that the block writes, in the folder.
    """
    there = folder.exists()
    names = [*paths, ".dvc", ".git", "data/.gitignore", *SHARED_FILES]
    # Of folders it is enough to know whether they were there.
    before = {
        name: path.read_bytes() if (path := folder / name).is_file() else path.exists()
        for name in names
    }
    try:
        yield
    except BaseException as error:
        if isinstance(error, NotARepository) and shutil.which("git") is None:
            raise
        with _uninterrupted():
            if not there:
                shutil.rmtree(folder, ignore_errors=True)
            else:
                _restore(folder, before)
        raise


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Whoever presses Ctrl-C twice wants the command to end, not half of it to stay."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _restore(folder: Path, before: Mapping[str, bytes | bool]) -> None:
    new = [name for name in (".dvc", ".dvcignore") if before[name] is False]
    if new:
        # DVC has added its own files to git's index.
        with suppress(NotARepository):
            _call(folder, "git", "rm", "-rq", "--cached", "--ignore-unmatch", "--", *new)
    for name, kept in before.items():
        path = folder / name
        with suppress(OSError):
            if isinstance(kept, bytes):
                path.write_bytes(kept)
            elif not kept and path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif not kept:
                path.unlink(missing_ok=True)
                path.with_name(f"{path.name}.dvc").unlink(missing_ok=True)
    for name in sorted(before, key=len, reverse=True):
        for parent in (folder / name).relative_to(folder).parents:
            with suppress(OSError):  # not empty, so it was there
                (folder / parent).rmdir()


def set_up(folder: Path, table: str) -> None:
    """Make a repository of git and one of DVC, where they are not there yet.

    Parameters
    ----------
    table
        The path of the table, which DVC then keeps.

    Raises
    ------
    NotARepository
        Git is not installed, or git or DVC failed.
    """
    try:
        _, below = git.root_and_prefix(folder)
    except NotARepository:
        _call(folder, "git", "init", "--quiet", "-b", "main")
        below = ""
    if not (folder / ".dvc").is_dir():
        _call(folder, *_DVC, "init", "--quiet", *(["--subdir"] if below else []))
    if git.tracked_files(folder, f":(literal){table}"):
        raise NotARepository(
            "git keeps the table, so that DVC cannot; nothing was written",
            where=str(folder / table),
            fix=f"git rm --cached {shlex.quote(table)} && "
            "git commit -m 'Leave the table to DVC', then again",
        )
    _call(folder, *_DVC, "add", "--quiet", table)
    _call(folder, "git", "config", "merge.generated.driver", "true")  # see .gitattributes


def _call(folder: Path, *command: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    except FileNotFoundError:
        raise NotARepository(
            f"{command[0]} is not installed, so the project is written but not set up",
            where=str(folder),
            fix=f"Install it, then: {' '.join(command)}",
        ) from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise NotARepository(
            f"{' '.join(command)} failed, so nothing was written",
            where=str(folder),
            found=lines[-1][:300] if lines else f"status {done.returncode}, and no message",
        )
