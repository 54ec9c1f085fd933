"""What changed between the champion's commit and the work tree: data, code, policy, model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from assay.errors import AssayError
from assay.gate.inputs import load_champion_verdict
from assay.model import manifest
from assay.project import digests, layout, source_code
from assay.project.params import Params, yaml_text
from assay.registry import git
from assay.reports.champion import StageHolder
from assay.reports.verdict import Verdict

T = TypeVar("T")
PartName = Literal["model", "policy", "data", "contract", "code"]

SECTIONS: Mapping[str, PartName] = {
    "train": "model",
    "bundle": "model",
    "seed": "model",
    "gate": "policy",
    "evaluate": "policy",
    "leakage": "policy",
    "ingest": "data",
    "prepare": "data",
    "contract": "contract",
}
"""Section of params.yaml -> the part that it belongs to. The others bear on nights only, rehearsed
ones included."""


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A key of params.yaml; ``was`` or ``now`` is None if it is new or gone."""

    key: str
    was: str | None
    now: str | None


@dataclass(frozen=True, slots=True)
class PartChange:
    """One part of what a verdict is bound to.

    Attributes
    ----------
    changed
        None if it cannot be told.
    keys, files
        What of params.yaml and which files changed, as far as it is known.
    note
        What else is known, in words.
    """

    name: PartName
    changed: bool | None
    keys: tuple[KeyChange, ...] = ()
    files: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """All parts, and the keys of params.yaml that bear on nights only; ``why`` if less is known."""

    parts: tuple[PartChange, ...]
    others: tuple[KeyChange, ...] = ()
    why: str = ""

    def part(self, name: PartName) -> PartChange:
        return next(each for each in self.parts if each.name == name)

    @property
    def keys(self) -> tuple[KeyChange, ...]:
        """Every key of params.yaml that changed."""
        return (*(key for part in self.parts for key in part.keys), *self.others)

    @property
    def policy_and_model(self) -> bool:
        """Whether a new model was judged by a new policy."""
        return self.part("policy").changed is True and self.part("model").changed is True


def known(read: Callable[[], T]) -> T | None:
    """What is read, None if it cannot be."""
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
    held = known(lambda: StageHolder.read(root))
    if held is None or held.commit is None:
        return None
    commit = held.commit
    former = load_champion_verdict(root, held.bundle)
    keys, why = _keys(root, commit)
    files = _changed_files(root, params, commit)
    differs: dict[PartName, bool | None] = {}
    if verdict is not None and former is not None:
        bound: tuple[PartName, ...] = ("policy", "data", "contract", "code")
        differs |= {name: getattr(former, name) != getattr(verdict, name) for name in bound}
    if verdict is not None and held.bundle is not None:
        differs["model"] = verdict.bundle != held.bundle
    trained = [_training_data(root / each) for each in (layout.BUNDLE, layout.CHAMPION_BUNDLE)]
    if None not in trained and trained[0] != trained[1]:
        differs["data"] = True
    parts = []
    for name in get_args(PartName):
        of_part, listed = part_keys(keys, name), files.get(name, ())
        changed = differs.get(name)
        if changed is None and (of_part or listed):
            changed = True
        other = name == "code" and changed and not listed
        note = "another version of Assay" if other else ""
        parts.append(PartChange(name, changed, of_part, listed, note))
    return Changes(tuple(parts), part_keys(keys, None), why)


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


def _changed_files(root: Path, params: Params, commit: str) -> dict[PartName, tuple[str, ...]]:
    """The project's files that changed since the commit, by the part that they belong to."""
    changed = known(lambda: git.changed_files(root, commit)) or ()
    tests = f"{params.gate.tests.strip('/')}/"
    mine = [path for path in changed if path.startswith(tests) and "__pycache__" not in path]
    code: set[str] = set()
    for read in (source_code.file_reader(root), partial(_show, root, commit)):
        sources = [path for path in mine if path.endswith(".py")]
        imported = known(partial(digests.project_imports, read, params, sources))
        code |= set(imported or ()) - {params.contract.file, *mine}
    return {
        "policy": tuple(mine),
        "contract": tuple(path for path in changed if path == params.contract.file),
        "code": tuple(path for path in changed if path in code),
    }


def _show(root: Path, commit: str, path: str) -> str | None:
    try:
        return git.show(root, commit, path)
    except (AssayError, UnicodeDecodeError):
        return None


def _training_data(bundle: Path) -> str | None:
    """Digest of the table that a bundle was trained on, if its manifest can be read."""
    path = bundle / manifest.MANIFEST
    try:
        return manifest.parse_manifest(path.read_bytes(), str(path)).data_digest
    except (AssayError, OSError):
        return None


def changed_keys(was: Any, now: Any) -> tuple[KeyChange, ...]:
    """The keys that differ between two params.yaml, in the order of the newer one.

    Items of a list that have names, such as rules, are compared by name.
    """
    return tuple(_differences(was, now, ""))


def part_keys(changes: Sequence[KeyChange], name: PartName | None) -> tuple[KeyChange, ...]:
    """The keys that belong to a part, or with None to no part."""
    return tuple(each for each in changes if SECTIONS.get(_section(each.key)) == name)


def _section(key: str) -> str:
    return key.partition(".")[0].partition("[")[0]


_ABSENT = object()


def _differences(was: Any, now: Any, key: str) -> Iterator[KeyChange]:
    if (before := _by_name(was)) is not None and (after := _by_name(now)) is not None:
        for name in dict.fromkeys([*after, *before]):
            yield from _differences(
                before.get(name, _ABSENT), after.get(name, _ABSENT), f"{key}[{name}]"
            )
    elif isinstance(was, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*now, *was]):
            place = f"{key}.{name}" if key else str(name)
            yield from _differences(was.get(name, _ABSENT), now.get(name, _ABSENT), place)
    elif was is _ABSENT or now is _ABSENT or was != now:
        yield KeyChange(key, _shown(was), _shown(now))


def _by_name(value: Any) -> dict[str, Any] | None:
    """A list of mappings with names, each once, as a mapping from names; else None."""
    if not isinstance(value, list | tuple) or not value:
        return None
    names = [each.get("name") if isinstance(each, Mapping) else None for each in value]
    if not all(isinstance(each, str) for each in names) or len(set(names)) < len(names):
        return None
    return dict(zip(map(str, names), value, strict=True))


def _shown(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        return str(value)
