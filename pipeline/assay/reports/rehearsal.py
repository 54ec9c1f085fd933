"""The report of the stage ``rehearse``: score parity and cost of a bundle, and real nights.

Reading checks only the schema. Implausible numbers are reported by the gate's rules as findings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, PlainSerializer, model_validator

from assay.project import layout
from assay.project.document import Count, Document, Report, Text, find_duplicates
from assay.project.text import counted


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
            told = "missing: nights is empty" if self.why is None else "there beside nights"
            raise ValueError(f"why is {told}")
        return self


ChampionState = Literal["none", "scored", "unreadable", "incomparable"]
"""``none``: there is no champion. ``scored``: it scored the nights too. ``unreadable``: its bundle
or contract cannot be fetched or loaded. ``incomparable``: it has another task, other classes or
another label."""

RowsByRule = Annotated[
    Mapping[Text, Annotated[int, Field(ge=1)]],
    AfterValidator(MappingProxyType),
    PlainSerializer(lambda found: dict(found)),
]
"""Rule of the contract -> rows that break it, the most first; immutable."""


class ModelNight(Document):
    """What one model did with a night.

    Attributes
    ----------
    quarantined, refused_by
        Rows that its contract refuses, and how many break each rule.
    null_scores
        Rows among ``scored`` to which the model gave no score.
    mean
        Of the scores; None if there are none.
    held
        Why the night would be held back; empty if it would be published.
    seconds
        In the scoring function, of all workers together.
    """

    scored: Count
    quarantined: Count
    refused_by: RowsByRule
    null_scores: Count
    mean: float | None
    held: tuple[Text, ...]
    seconds: float

    @model_validator(mode="after")
    def _counts_within_their_rows(self) -> Self:
        if self.null_scores > self.scored:
            raise ValueError(f"null_scores is {self.null_scores} of {self.scored} rows")
        if bool(self.quarantined) is not bool(self.refused_by):
            raise ValueError(f"refused_by names other rows than the {self.quarantined} quarantined")
        for rule, rows in self.refused_by.items():
            if rows > self.quarantined:
                raise ValueError(f"refused_by.{rule} is {rows} of {self.quarantined} rows")
        return self


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


class NightChange(Document):
    """What differs between the models on a night.

    Attributes
    ----------
    newly_quarantined, newly_refused_by
        Rows that the challenger refuses and the champion does not, and by which rules.
    newly_null
        Rows to which only the challenger gives no score, though its contract lets them pass.
    rows
        Rows to which both gave a score. What follows is about these.
    flipped, slices
        Rows with another prediction, in all and by slice; None and empty for a regression.
    challenger_mean, champion_mean, distance
        Mean scores, and the Jensen-Shannon distance of both histograms on the champion's grid;
        None if ``rows`` is 0.
    absolute_change
        Mean absolute difference of the scores, for a regression only.
    """

    newly_quarantined: Count
    newly_refused_by: RowsByRule
    newly_null: Count
    rows: Count
    flipped: Count | None
    challenger_mean: float | None
    champion_mean: float | None
    distance: float | None
    absolute_change: float | None
    slices: tuple[SliceFlips, ...]

    @model_validator(mode="after")
    def _counts_within_their_rows(self) -> Self:
        if self.flipped is not None and self.flipped > self.rows:
            raise ValueError(f"flipped is {self.flipped} of {self.rows} rows")
        if bool(self.newly_quarantined) is not bool(self.newly_refused_by):
            raise ValueError(
                f"newly_refused_by names other rows than the {self.newly_quarantined} newly "
                "quarantined"
            )
        if self.rows and None in (self.challenger_mean, self.champion_mean, self.distance):
            raise ValueError(
                f"a mean or the distance is null: {counted(self.rows, 'row')} have two scores"
            )
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
                found = sum(getattr(part, what) for part in mine)
                if found != whole:
                    raise ValueError(f"slices of {name} have {found} {what}, and the night {whole}")
        return self


class RehearsedNight(Document):
    """One night, scored by the challenger and perhaps the champion.

    Attributes
    ----------
    fingerprint
        Of its input; empty if a change of it cannot be detected.
    rows
        Rows read; None if the night could not be.
    why
        Why it could not be scored; None if it was.
    champion, change
        None if the champion did not score it; then ``champion_why`` says why, unless there is no
        champion that could.
    """

    day: Text
    fingerprint: str
    rows: Count | None = None
    why: Text | None = None
    challenger: ModelNight | None = None
    champion: ModelNight | None = None
    champion_why: Text | None = None
    change: NightChange | None = None

    @model_validator(mode="after")
    def _scored_or_not(self) -> Self:
        if not (self.why is None) is (self.challenger is not None) is (self.rows is not None):
            raise ValueError("why, rows and challenger disagree on whether the night was scored")
        if (self.champion is None) is not (self.change is None):
            raise ValueError("champion and change must both be there or both be null")
        if self.champion is not None and (self.challenger is None or self.champion_why is not None):
            raise ValueError("champion is there, beside a reason why it cannot be")
        return self

    @model_validator(mode="after")
    def _every_row_is_accounted_for(self) -> Self:
        for name, model in (("challenger", self.challenger), ("champion", self.champion)):
            if model is not None and model.scored + model.quarantined != self.rows:
                raise ValueError(
                    f"{name} has {model.scored} scored and {model.quarantined} quarantined, "
                    f"of {self.rows} rows"
                )
        one, two, both = self.challenger, self.champion, self.change
        if one is None or two is None or both is None:
            return self
        if both.newly_quarantined > one.quarantined:
            raise ValueError(
                f"change.newly_quarantined is {both.newly_quarantined} of {one.quarantined} "
                "quarantined rows"
            )
        for model in (one, two):
            if both.rows > model.scored - model.null_scores:
                raise ValueError(f"change.rows is {both.rows}, more than one model gave a score")
        return self


class RehearsedChampion(Document):
    """The champion that the nights were rehearsed with.

    Attributes
    ----------
    latency_ms, memory_mb
        As of the challenger: milliseconds for 1,000 rows of the holdout, and peak memory; None if
        they were not measured, for ``cost_why``.
    why
        Why there is no champion that scored; None if there is one.
    """

    state: ChampionState
    version: Text | None
    bundle: Text | None
    why: Text | None
    latency_ms: float | None = None
    memory_mb: float | None = None
    cost_why: Text | None = None

    @model_validator(mode="after")
    def _a_reason_or_a_version(self) -> Self:
        scored = self.state == "scored"
        if (self.why is None) is not scored:
            raise ValueError(f"why is {'missing' if self.why is None else 'there'}: {self.state}")
        if scored and None in (self.version, self.bundle):
            raise ValueError("state is 'scored', but version and bundle do not both stand there")
        if scored and None in (self.latency_ms, self.memory_mb) and self.cost_why is None:
            raise ValueError("cost_why is missing: latency_ms or memory_mb is null for no reason")
        return self


class RehearsedNights(Document):
    """The nights in the order of days; ``why`` is the reason if there are none, else None."""

    champion: RehearsedChampion
    nights: tuple[RehearsedNight, ...]
    why: Text | None

    @model_validator(mode="after")
    def _none_for_a_reason(self) -> Self:
        if (self.why is None) is not bool(self.nights):
            told = "missing: nights is empty" if self.why is None else "there beside nights"
            raise ValueError(f"why is {told}")
        if twice := find_duplicates(night.day for night in self.nights):
            raise ValueError(f"nights has {twice} more than once")
        return self

    @model_validator(mode="after")
    def _beside_the_champion_that_there_is(self) -> Self:
        scored = self.champion.state == "scored"
        for night in self.nights:
            if night.champion is not None and not scored:
                raise ValueError(f"{night.day}: champion is there: state is {self.champion.state}")
            if scored and night.why is None and not night.champion and not night.champion_why:
                raise ValueError(f"{night.day}: champion_why is missing")
        return self

    @property
    def scored(self) -> tuple[RehearsedNight, ...]:
        """The nights that the challenger scored."""
        return tuple(night for night in self.nights if night.challenger is not None)

    @property
    def compared(self) -> tuple[RehearsedNight, ...]:
        """The nights that both models scored."""
        return tuple(night for night in self.nights if night.change is not None)


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
    None if none were asked for, as in earlier versions. ``uncompiled`` has a sentence for each part
    of the model that scikit-learn scores, which is slower, with the reason.
    """

    SCHEMA: ClassVar = 1
    FILE: ClassVar = layout.REHEARSAL
    STAGE: ClassVar = "rehearse"
    WHAT: ClassVar = "a rehearsal"
    LATER: ClassVar = frozenset({"nights", "uncompiled"})

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
