"""Row counts of a run; the tallies of batches and tasks add up to the run's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from assay.columns.profile import Profile, merge_profiles
from assay.errors import RowCountMismatch
from assay.model.batch import ScoredBatch
from assay.project.text import counted
from assay.score.duplicate_keys import KeyFile
from assay.store import StagedFile


@dataclass(frozen=True)
class Tally:
    """Counts and files of some batches; ``Tally()`` is the zero."""

    rows: int = 0
    predictions: tuple[StagedFile, ...] = ()
    quarantine: tuple[StagedFile, ...] = ()
    keys: tuple[KeyFile, ...] = ()
    null_scores: int = 0
    broken: Mapping[str, int] = field(default_factory=dict)
    nulls: Mapping[str, int] = field(default_factory=dict)
    newest: date | None = None
    profile: Profile | None = None

    @property
    def scored(self) -> int:
        """Rows in the prediction files, from their footers."""
        return sum(file.rows for file in self.predictions)

    @property
    def quarantined(self) -> int:
        """Rows in the quarantine files, from their footers."""
        return sum(file.rows for file in self.quarantine)

    def __add__(self, other: Tally) -> Tally:
        known = [day for day in (self.newest, other.newest) if day is not None]
        return Tally(
            rows=self.rows + other.rows,
            predictions=(*self.predictions, *other.predictions),
            quarantine=(*self.quarantine, *other.quarantine),
            keys=(*self.keys, *other.keys),
            null_scores=self.null_scores + other.null_scores,
            broken=Counter(self.broken) + Counter(other.broken),
            nulls={**self.nulls, **_added(self.nulls, other.nulls)},
            newest=max(known, default=None),
            profile=_merged(self.profile, other.profile),
        )

    @staticmethod
    def of(batch: ScoredBatch) -> Tally:
        """The counts of one batch, before its rows are written; without its profile."""
        return Tally(
            rows=batch.rows,
            null_scores=batch.null_scores,
            broken=dict(batch.broken),
            nulls=dict(batch.nulls),
            newest=batch.newest,
        )


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of all tallies."""
    return sum(tallies, Tally())


def check_row_counts(tally: Tally, in_input: int) -> None:
    """Check that every row of the input was either scored or quarantined.

    Raises
    ------
    RowCountMismatch
        The counts from three independent places do not agree.
    """
    if not in_input == tally.rows == tally.scored + tally.quarantined:
        raise RowCountMismatch(
            "the books do not balance, so nothing was published",
            expected=f"{counted(in_input, 'row')}, as the input says",
            found=f"{tally.rows} read, {tally.scored} scored, {tally.quarantined} quarantined",
            fix="Score the night again; if it happens twice, the input changed meanwhile.",
        )


def _added(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    return {name: left.get(name, 0) + count for name, count in right.items()}


def _merged(left: Profile | None, right: Profile | None) -> Profile | None:
    if left is None or right is None:
        return right if left is None else left
    return merge_profiles(left, right)
