"""Read what a comment is about: reports, the verdict once verified, and the champion's commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from assay.errors import AssayError
from assay.gate import verdict_command
from assay.gate.comment.changes import (
    Changes,
    KeyChange,
    PartChange,
    PartName,
    changed_keys,
    part_keys,
)
from assay.gate.comment.compose import CommentFacts
from assay.gate.inputs import GateInputs, load_champion_verdict
from assay.gate.verdict_command import GateAnswer
from assay.model import manifest
from assay.project import digests, layout, source_code
from assay.project.params import Params, yaml_text
from assay.registry import git
from assay.reports.champion import StageHolder
from assay.reports.verdict import Verdict

T = TypeVar("T")


def collect(
    root: Path, params: Params, commit: str = "", page: str = "", *, committed: bool = False
) -> CommentFacts:
    """The facts of a comment; a report that cannot be read is left out.

    Parameters
    ----------
    committed
        As for `assay.gate.verdict_command.run`.
    """
    try:
        answer = verdict_command.decide(root, params, committed=committed)
    except AssayError as error:
        answer = GateAnswer(problems=(error.line(),))
    facts = CommentFacts(params.name, answer, commit=commit, page=page)
    if answer.verdict is None and not answer.problems:
        return facts
    facts = replace(facts, changes=read_changes(root, params, facts.verdict))
    if facts.verdict is None:
        return facts
    inputs = GateInputs.of(root)
    return replace(
        facts,
        evaluation=_known(lambda: inputs.evaluation),
        comparison=_known(lambda: inputs.comparison),
        rehearsal=_known(lambda: inputs.rehearsal),
        leakage=_known(lambda: inputs.leakage),
    )


def _known(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except AssayError:
        return None


def read_changes(root: Path, params: Params, verdict: Verdict | None) -> Changes | None:
    """What changed since the champion's commit; None without a champion.

    Parameters
    ----------
    verdict
        The verdict on what is here, None without one.
    """
    held = _known(lambda: StageHolder.read(root))
    if held is None or held.commit is None:
        return None
    commit = held.commit
    former = load_champion_verdict(root, held.bundle)
    keys, why = _keys(root, commit)
    own, assay = _code(root, params, commit), ""
    files: dict[PartName, tuple[str, ...]] = {
        "code": own,
        "policy": _changed_files(root, commit, _folder(root, commit, params.gate.tests)),
        "contract": _changed_files(root, commit, [params.contract.file]),
    }
    differs: dict[PartName, bool | None] = {
        name: None if verdict is None or former is None else was != now
        for name, was, now in _bound(verdict, former)
    }
    if verdict is not None and held.bundle is not None:
        differs["model"] = verdict.bundle != held.bundle
    trained = [_training_data(root / each) for each in (layout.BUNDLE, layout.CHAMPION_BUNDLE)]
    if None not in trained and trained[0] != trained[1]:
        differs["data"] = True
    if differs.get("code") and not own:
        assay = "another version of Assay"
    names: tuple[PartName, ...] = ("model", "policy", "data", "contract", "code")
    parts = []
    for name in names:
        found, listed = part_keys(keys, name), files.get(name, ())
        changed = differs.get(name)
        if changed is None and (found or listed):
            changed = True
        parts.append(PartChange(name, changed, found, listed, assay if name == "code" else ""))
    return Changes(tuple(parts), part_keys(keys, None), why)


def _bound(
    verdict: Verdict | None, former: Verdict | None
) -> Iterable[tuple[PartName, str | None, str | None]]:
    names: tuple[PartName, ...] = ("policy", "data", "contract", "code")
    for name in names:
        yield name, getattr(former, name, None), getattr(verdict, name, None)


def _keys(root: Path, commit: str) -> tuple[tuple[KeyChange, ...], str]:
    """The changed keys of params.yaml, or why they are not known."""
    try:
        was = yaml_text.load(git.show(root, commit, layout.PARAMS))
        now = yaml_text.load((root / layout.PARAMS).read_text(encoding="utf-8"))
    except AssayError as error:
        return (), f"which keys of params.yaml changed cannot be told: {error.line()}"
    except (yaml_text.YamlError, ValueError) as error:
        return (), f"which keys of params.yaml changed cannot be told: {error}"
    return changed_keys(was, now), ""


def _code(root: Path, params: Params, commit: str) -> tuple[str, ...]:
    """The project's own files that decide, other than contract and tests, and that changed."""
    paths: set[str] = set()
    tests = [path for path in _folder(root, commit, params.gate.tests) if path.endswith(".py")]
    for read in (source_code.file_reader(root), _reader(root, commit)):
        found = _known(lambda read=read: digests.project_imports(read, params, tests))  # type: ignore[misc]
        paths |= set(found or ())
    return _changed_files(root, commit, sorted(paths - {params.contract.file}))


def _folder(root: Path, commit: str, folder: str) -> list[str]:
    """The files of a folder, here and at the commit."""
    place = folder.strip("/")
    here = {
        path.relative_to(root).as_posix()
        for path in (root / place).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    listed = _known(lambda: git.committed_files(root, commit, "")) or ()
    return sorted(here | {path for path in listed if path.startswith(f"{place}/")})


def _changed_files(root: Path, commit: str, paths: Iterable[str]) -> tuple[str, ...]:
    read = _reader(root, commit)
    return tuple(path for path in paths if read(path) != _text(root / path))


def _reader(root: Path, commit: str) -> source_code.Reader:
    def read(path: str) -> str | None:
        try:
            return git.show(root, commit, path)
        except (AssayError, UnicodeDecodeError):
            return None

    return read


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None


def _training_data(bundle: Path) -> str | None:
    """Digest of the table that a bundle was trained on, if its manifest can be read."""
    path = bundle / manifest.MANIFEST
    try:
        return manifest.parse_manifest(path.read_bytes(), str(path)).data_digest
    except (AssayError, OSError):
        return None
