"""What changed between the champion's commit and the work tree: data, code, policy, model. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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


def changed_keys(was: Any, now: Any) -> tuple[KeyChange, ...]:
    """The keys that differ between two params.yaml, in the order of the newer one.

    Items of a list that have names, such as rules, are compared by name.
    """
    return tuple(_differences(was, now, ""))


def part_keys(found: Sequence[KeyChange], name: PartName | None) -> tuple[KeyChange, ...]:
    """The keys that belong to a part, or with None to no part."""
    return tuple(each for each in found if SECTIONS.get(_section(each.key)) == name)


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
