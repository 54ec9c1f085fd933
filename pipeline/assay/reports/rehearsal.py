"""The report of the stage ``rehearse``: score parity and cost of a bundle, and real nights.

Reading checks only the schema. Implausible numbers are reported by the gate's rules as findings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from assay.project import layout
from assay.project.document import Count, Document, Report, Text, find_duplicates
from assay.reports.rehearsed_nights import RehearsedNights


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
