"""The report of the stage ``rehearse``: score parity and cost of a bundle, and real nights.

Reading checks only the schema. Implausible numbers are reported by the gate's rules as findings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from assay.project import layout
from assay.project.document import Count, Document, Report, Text, find_duplicates


class ListedNight(Document):
    """A night of the input, found but not read.

    Attributes
    ----------
    fingerprint
        Changes when its input changes; empty if that cannot be detected.
    rows
        As its files say; None if they do not.
    why
        Why it cannot be scored; None if nothing is known against it.
    """

    day: Text
    fingerprint: str = ""
    rows: Count | None = None
    why: Text | None = None

    @model_validator(mode="after")
    def _found_or_not(self) -> Self:
        if self.why is not None and (self.fingerprint or self.rows is not None):
            raise ValueError("why stands beside a fingerprint or rows: it was found, or it was not")
        return self


class LastNights(Report):
    """nights.json: the nights that ``rehearse.nights`` asks for, in the order of days.

    ``why`` is the reason if there are none, else None.
    """

    SCHEMA: ClassVar = 1
    FILE: ClassVar = layout.LAST_NIGHTS
    STAGE: ClassVar = "nights"
    WHAT: ClassVar = "a list of nights"

    schema_number: Literal[1] = Field(default=1, alias="schema")
    input: Text
    nights: tuple[ListedNight, ...]
    why: Text | None

    @model_validator(mode="after")
    def _each_night_once(self) -> Self:
        if twice := find_duplicates(night.day for night in self.nights):
            raise ValueError(f"nights has {twice} more than once")
        return self

    @model_validator(mode="after")
    def _none_for_a_reason(self) -> Self:
        if (self.why is None) is not bool(self.nights):
            text = "missing: nights is empty" if self.why is None else "there beside nights"
            raise ValueError(f"why is {text}")
        return self


ChampionState = Literal["none", "scored", "unreadable", "incomparable"]
"""``none``: there is no champion. ``scored``: it scored the nights too. ``unreadable``: its bundle
or contract cannot be fetched or loaded. ``incomparable``: it has another task, other classes or
another label."""


class SliceFlips(Document):
    """Rows with another prediction in a slice; ``value`` is None for all values not listed."""

    field: Text
    value: str | None
    rows: Count
    flipped: Count

    @property
    def title(self) -> str:
        return f"{self.field}={'(others)' if self.value is None else self.value}"

    @model_validator(mode="after")
    def _no_more_than_there_are(self) -> Self:
        if self.flipped > self.rows:
            raise ValueError(f"flipped is {self.flipped} of {self.rows} rows")
        return self


class RehearsedNight(Document):
    """One night, scored by both models.

    Attributes
    ----------
    fingerprint
        Of its input; empty if a change of it cannot be detected.
    rows
        Rows to which both gave a score; None if the night could not be compared.
    flipped, slices
        Rows of these with another prediction, in all and by slice; None and empty for a regression.
    why
        Why the night could not be compared; None if it was.
    """

    day: Text
    fingerprint: str = ""
    rows: Count | None = None
    flipped: Count | None = None
    slices: tuple[SliceFlips, ...] = ()
    why: Text | None = None

    @model_validator(mode="after")
    def _compared_or_not(self) -> Self:
        if (self.why is None) is not (self.rows is not None):
            raise ValueError("why and rows disagree on whether the night was compared")
        if self.flipped is not None and self.flipped > (self.rows or 0):
            raise ValueError(f"flipped is {self.flipped} of {self.rows} rows")
        return self

    @model_validator(mode="after")
    def _each_row_in_one_slice_of_a_field(self) -> Self:
        if twice := find_duplicates(part.title for part in self.slices):
            raise ValueError(f"slices has {twice} more than once")
        if self.slices and self.flipped is None:
            raise ValueError("slices are there: flipped is null")
        for name in dict.fromkeys(part.field for part in self.slices):
            mine = [part for part in self.slices if part.field == name]
            for what, whole in (("rows", self.rows), ("flipped", self.flipped)):
                total = sum(getattr(part, what) for part in mine)
                if total != whole:
                    raise ValueError(f"slices of {name} have {total} {what}, and the night {whole}")
        return self


class RehearsedChampion(Document):
    """The champion that the nights were rehearsed with.

    ``why`` is why there is no champion that could score them; None if there is one.
    """

    state: ChampionState
    version: Text | None
    bundle: Text | None
    why: Text | None

    @model_validator(mode="after")
    def _a_reason_or_a_version(self) -> Self:
        scored = self.state == "scored"
        if (self.why is None) is not scored:
            raise ValueError(f"why is {'missing' if self.why is None else 'there'}: {self.state}")
        if scored and None in (self.version, self.bundle):
            raise ValueError("state is 'scored', but version and bundle do not both stand there")
        return self


class RehearsedNights(Document):
    """The nights in the order of days, none without a champion; ``why`` is another reason."""

    champion: RehearsedChampion
    nights: tuple[RehearsedNight, ...]
    why: Text | None

    @model_validator(mode="after")
    def _none_for_a_reason(self) -> Self:
        if bool(self.nights) is not (self.why is None and self.champion.state == "scored"):
            raise ValueError("nights, why and the champion disagree on whether any was rehearsed")
        if twice := find_duplicates(night.day for night in self.nights):
            raise ValueError(f"nights has {twice} more than once")
        return self

    @property
    def compared(self) -> tuple[RehearsedNight, ...]:
        """The nights that both models scored."""
        return tuple(night for night in self.nights if night.why is None)

    @property
    def rows(self) -> int:
        """The rows of all nights to which both gave a score."""
        return sum(night.rows or 0 for night in self.compared)

    @property
    def flipped(self) -> int | None:
        """Those with another prediction; None for a regression."""
        flips = [night.flipped for night in self.compared]
        return None if None in flips else sum(each or 0 for each in flips)


class Parity(Document):
    """Scores that one carrier published, compared with those of the training code.

    Attributes
    ----------
    rows
        Rows given to both.
    differing
        Rows with a different score, a different prediction or no score.
    largest
        The largest difference between two scores. For a regression it is relative where the
        score is above 1. None if no row has both scores.
    seconds
        Run time of the carrier; without the start of Spark, unless it is the first to need it.
    """

    carrier: Text
    rows: Count
    differing: Count
    largest: float | None
    seconds: float

    @model_validator(mode="after")
    def _no_more_than_there_are(self) -> Self:
        if self.differing > self.rows:
            raise ValueError(f"differing is {self.differing} of {self.rows} rows")
        return self


@dataclass(frozen=True)
class Cost:
    """Cost of scoring a batch, in a process of its own, on one core.

    Attributes
    ----------
    batch_rows
        Rows of the batch.
    latency_ms
        Milliseconds per 1,000 rows, warm, the median of several repeats.
    memory_mb
        Peak growth of the process in million bytes, from before the bundle is loaded. None if
        the system does not report it.
    """

    batch_rows: int
    latency_ms: float
    memory_mb: float | None


class Rehearsal(Report):
    """rehearsal.json. Digests are ``sha256:<hex>``.

    ``tolerance`` is the largest difference of two scores that count as equal. ``why`` is the
    reason if something could not be measured, else None. ``carrier_seconds`` is the time that all
    carriers together took, the start of Spark included. ``nights`` is about the last real nights;
    None if none were asked for. ``uncompiled`` has a sentence for each part
    of the model that scikit-learn scores, which is slower, with the reason.
    """

    SCHEMA: ClassVar = 1
    FILE: ClassVar = layout.REHEARSAL
    STAGE: ClassVar = "rehearse"
    WHAT: ClassVar = "a rehearsal"

    schema_number: Literal[1] = Field(default=1, alias="schema")
    name: Text
    bundle: Text
    data: Text
    contract: Text
    rows: Count
    tolerance: float
    parity: tuple[Parity, ...]
    batch_rows: Count
    latency_ms: float
    memory_mb: float | None
    bundle_mb: float
    carrier_seconds: float
    why: Text | None
    nights: RehearsedNights | None = None
    uncompiled: tuple[Text, ...] = ()

    @property
    def cost(self) -> Cost:
        return Cost(self.batch_rows, self.latency_ms, self.memory_mb)

    @model_validator(mode="after")
    def _each_carrier_once(self) -> Self:
        if not self.parity:
            raise ValueError("parity is empty: no carrier was rehearsed")
        if twice := find_duplicates(one.carrier for one in self.parity):
            raise ValueError(f"parity has a carrier more than once: {twice}")
        return self

    @model_validator(mode="after")
    def _nothing_without_a_reason(self) -> Self:
        if self.memory_mb is None and self.why is None:
            raise ValueError("why is missing: memory_mb is null for no reason")
        return self
