"""What rehearse says of a bundle, to people and to the gate.

Only the shape is checked when the file is read: whether a number may be believed is for the
rules to say, as a finding that a person can read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from assay.project import layout
from assay.project.document import Count, Document, Report, Text, repeated


class Parity(Document):
    """What one carrier published, held against the scores of the code that trained the model.

    Attributes
    ----------
    rows
        Rows that were handed to both.
    differing
        Rows with another score, another prediction or none.
    largest
        The largest difference of two scores, of a regression as a share of the score where
        that is above 1; None if no row has two.
    seconds
        What the carrier took, without the start of Spark.
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
    """What scoring a batch takes, in a process that does nothing else, on one core.

    Attributes
    ----------
    batch_rows
        Rows of the batch.
    latency_ms
        Milliseconds per 1,000 rows, the median of repeats, once everything is loaded.
    memory_mb
        By how many million bytes the process grew at most from before it loaded the bundle;
        None where the system does not tell.
    """

    batch_rows: int
    latency_ms: float
    memory_mb: float | None


class SparkCost(Document):
    """How long Spark took for all carriers together, its start included."""

    seconds: float


class Rehearsal(Report):
    """All of rehearsal.json; digests are ``sha256:<hex>``.

    ``tolerance`` is how far two scores may be apart and still count as the same. ``why`` says
    why something could not be measured; None if everything was.
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
    spark: SparkCost
    why: Text | None

    @property
    def cost(self) -> Cost:
        return Cost(self.batch_rows, self.latency_ms, self.memory_mb)

    @model_validator(mode="after")
    def _each_carrier_once(self) -> Self:
        if not self.parity:
            raise ValueError("parity is empty: no carrier was rehearsed")
        if twice := repeated(one.carrier for one in self.parity):
            raise ValueError(f"parity has a carrier more than once: {twice}")
        return self

    @model_validator(mode="after")
    def _nothing_without_a_reason(self) -> Self:
        if self.memory_mb is None and self.why is None:
            raise ValueError("why is missing: memory_mb is null for no reason")
        return self
