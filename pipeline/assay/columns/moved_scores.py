"""What moves scores: the mean absolute contribution of each feature to the raw output.

A night's profile has sums and counts of them, which merge, under names that begin with `MOVED`; the
reference has those of its nights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from assay.columns.features import Floats
from assay.columns.profile import ColumnProfile, Profile, finite_number

MOVED = "reasons@"
"""Before a feature's name, the column of a profile that counts its absolute contributions."""


@dataclass(frozen=True, slots=True)
class ReferenceReasons:
    """What moves the scores of the reference's rows, out of fold.

    Attributes
    ----------
    means
        The mean absolute contribution of each feature.
    distances
        Of each night from all the others (`distance`), in the order of the nights.
    """

    means: Mapping[str, float]
    distances: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> ReferenceReasons:
        """Read the tree of `to_dict`.

        Raises
        ------
        ValueError, TypeError, KeyError
            If ``tree`` has another form.
        """
        means = {str(name): finite_number(value) for name, value in tree["means"].items()}
        distances = tuple(finite_number(value) for value in tree["distances"])
        if any(value < 0 for value in (*means.values(), *distances)):
            raise ValueError("contributions and distances are at least 0")
        return cls(means, distances)


def learn(features: Sequence[str], sums: Floats, rows: Floats) -> ReferenceReasons | None:
    """What moves the scores of some nights; None without two of them, or if nothing does.

    Parameters
    ----------
    sums
        The absolute contributions of each night, shape (nights, features).
    rows
        Of each night, shape (nights,).
    """
    sums, rows = sums[rows > 0], rows[rows > 0]
    if len(rows) < 2 or not sums.sum() > 0:
        return None
    others = (sums.sum(axis=0) - sums) / (rows.sum() - rows)[:, None]
    found = [
        distance(dict(zip(features, now, strict=True)), dict(zip(features, before, strict=True)))
        for now, before in zip(sums / rows[:, None], others, strict=True)
    ]
    means = dict(zip(features, (sums.sum(axis=0) / rows.sum()).tolist(), strict=True))
    return ReferenceReasons(means, tuple(each for each in found if math.isfinite(each)))


def distance(now: Mapping[str, float], before: Mapping[str, float]) -> float:
    """How much the mean contributions of all features changed, as a share of those before.

    >>> distance({"age": 0.3, "debt": 0.1}, {"age": 0.2, "debt": 0.2})
    0.5
    """
    total = math.fsum(before.values())
    changed = math.fsum(abs(now[name] - value) for name, value in before.items())
    return round(changed / total, 12) if total else math.nan


def counts_of(profile: Profile) -> dict[str, ColumnProfile]:
    """The absolute contributions that a profile counts, by feature; empty if it counts none."""
    return {name.removeprefix(MOVED): each for name, each in profile.items() if is_counted(name)}


def is_counted(name: str) -> bool:
    """Whether a column of a profile counts contributions."""
    return name.startswith(MOVED)


def means_of(profile: Profile) -> dict[str, float]:
    """The mean absolute contribution of each feature; empty if a profile counts none."""
    return {name: each.total / each.rows for name, each in counts_of(profile).items() if each.rows}


def profile_of(features: Sequence[str], values: Floats) -> dict[str, ColumnProfile]:
    """The profile that counts absolute contributions, of shape (rows, features)."""
    sums, squares = values.sum(axis=0).tolist(), np.square(values).sum(axis=0).tolist()
    rows = len(values)
    return {
        f"{MOVED}{name}": ColumnProfile(rows, 0, (rows,), total, square, None, None)
        for name, total, square in zip(features, sums, squares, strict=True)
    }
