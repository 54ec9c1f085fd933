"""``assay deploy``: write the files of a scheduler, or say what they would change."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import isabstract
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Literal

from assay.errors import AssayError, PluginError, UsageError
from assay.ops.deploy import clouds, schedulers
from assay.ops.deploy.target import Target
from assay.project import plugins, source_code
from assay.project.document import write_text
from assay.project.params import Params
from assay.project.text import suggest

TARGETS: Mapping[str, type[Target]] = MappingProxyType(
    {each.name: each for each in (*schedulers.TARGETS, *clouds.TARGETS)}
)


@dataclass(frozen=True)
class ScheduleFile:
    """A file of a schedule, beside what lies there.

    ``difference`` is a unified diff of what lies there and what would be written.
    """

    path: str
    state: Literal["new", "equal", "differs"]
    difference: str = ""


@dataclass(frozen=True)
class WrittenSchedule:
    """The files, and how to install them; ``written`` is False of a dry run."""

    target: str
    written: bool
    files: tuple[ScheduleFile, ...]
    install: tuple[str, ...]


def find_target(root: Path, name: str) -> type[Target]:
    """The class of a scheduler, Assay's or the project's own.

    Raises
    ------
    UsageError
        There is none of that name.
    PluginError
        A class of the project's own cannot be imported, or is no target.
    """
    if name in TARGETS:
        return TARGETS[name]
    if "." not in name:
        raise UsageError(
            "no such scheduler",
            where="assay deploy --target",
            expected=f"{', '.join(TARGETS)}, or a class such as data.schedulers.Jenkins",
            found=name,
            fix=suggest(name, TARGETS),
        )
    target = plugins.resolve(name, key="--target", root=root)
    if isinstance(target, type) and issubclass(target, Target) and not isabstract(target):
        return target
    raise PluginError(
        "no scheduler",
        where="assay deploy --target",
        expected="a class derived from assay.testing.Target, with methods texts and install",
        found=name,
    )


def _check_sound(texts: object, install: object) -> None:
    """Raise ValueError for what a class of the project's own may give, and no file can be."""
    if not isinstance(texts, Mapping) or not texts:
        raise ValueError("texts gives no mapping of file names to texts")
    for name, text in texts.items():
        plain = isinstance(name, str) and PurePosixPath(name).name == name not in ("", "..")
        if not (plain and isinstance(text, str)):
            raise ValueError(f"texts gives {name!r}: {text!r:.40}, no text under a file's name")
        text.encode()
    if not (isinstance(install, tuple) and all(isinstance(each, str) for each in install)):
        raise ValueError(f"install gives {install!r:.60}, no tuple of texts")


def run(
    root: Path,
    params: Params,
    target: str,
    out: Path | None = None,
    *,
    dry_run: bool = False,
    overwrite: bool = False,
) -> WrittenSchedule:
    """Write the files of ``target``, or say which are new, equal or different.

    Parameters
    ----------
    out
        The folder, ``deploy/TARGET`` in the project by default, or where the target's files belong.
    dry_run
        Write nothing.
    overwrite
        Replace files that differ. Without it nothing is written if there is one: somebody may have
        edited it.

    Raises
    ------
    ParamsError
        params.yaml lacks what the target needs, or holds what its files cannot.
    UsageError
        There is no such target; a file differs; or the target runs a file of the clone, and
        ``out`` is not in the project.
    """
    kind = find_target(root, target)
    folder = root / (kind.place or f"deploy/{target}") if out is None else Path.cwd() / out
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
    try:
        made = kind(params, inside)
        texts, install = made.texts(), made.install()
        _check_sound(texts, install)
    except (Exception, SystemExit) as error:
        if target in TARGETS or isinstance(error, AssayError):
            raise
        raise PluginError(
            f"the scheduler failed with {type(error).__name__}: {error}",
            where=f"assay deploy --target {target}{source_code.raised_at(error)}",
        ) from None
    compared = tuple(_compare(folder, inside, name, text) for name, text in texts.items())
    changed = [each.path for each in compared if each.state == "differs"]
    if changed and not (dry_run or overwrite):
        raise UsageError(
            "files that are there differ from those to be written, so nothing was written",
            where=", ".join(changed),
            fix=f"See what would change: assay deploy --target {target} --dry-run; "
            "then add --overwrite instead, or --out DIR for another folder.",
        )
    for name, text in () if dry_run else texts.items():
        write_text(folder / name, text)
        if text.startswith("#!"):
            (folder / name).chmod(0o755)
    return WrittenSchedule(target, not dry_run, compared, install)


def _compare(folder: Path, inside: str, name: str, text: str) -> ScheduleFile:
    path = f"{inside}/{name}"
    try:
        there = (folder / name).read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return ScheduleFile(path, "new")
    if there == text:
        return ScheduleFile(path, "equal")
    lines = difflib.unified_diff(
        there.splitlines(), text.splitlines(), path, f"{path} (new)", lineterm=""
    )
    return ScheduleFile(path, "differs", "\n".join(lines))
