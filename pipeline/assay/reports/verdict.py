"""The gate's verdict on one bundle, and how findings combine into it.

A verdict stores the digests of all its inputs, so promotion can check that it is still current.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import Enum
from itertools import chain, count
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from assay.errors import PromotionRefused
from assay.metrics.intervals.spending import level_left, pass_level
from assay.project import layout
from assay.project.document import (
    Count,
    Document,
    Finite,
    Report,
    SparseDocument,
    Text,
    reject_constant,
    reject_duplicate_keys,
)
from assay.project.text import format_certainty, format_digits, ordinal
from assay.reports.raw_rows import RawRows

Kind = Literal["rule", "behaviour", "test"]
TestResult = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed", "not run"]
Direction = Literal["min", "max"]
Severity = Literal["block", "warn"]
State = Literal["none", "compared", "unreadable", "features_missing", "incomparable"]

STATES: dict[State, str] = {
    "none": "no champion yet; absolute rules only",
    "compared": "champion",
    "unreadable": "a champion that cannot be loaded",
    "features_missing": "a champion whose features are gone",
    "incomparable": "a champion that answers another question",
}
"""State of the champion, in words."""


class Outcome(Enum):
    """Outcome of a finding or of the whole verdict."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"

    def __str__(self) -> str:
        return self.value


OUTCOMES: Mapping[TestResult, Outcome] = {
    "passed": Outcome.PASS,
    "failed": Outcome.FAIL,
    "error": Outcome.FAIL,
    "skipped": Outcome.INCONCLUSIVE,
    "xfailed": Outcome.INCONCLUSIVE,
    "xpassed": Outcome.INCONCLUSIVE,
    "not run": Outcome.FAIL,
}
"""What pytest made of a model test -> the outcome of its finding."""

RAN: frozenset[TestResult] = frozenset({"passed", "failed", "xfailed", "xpassed"})
"""Results of a test that ran to its end."""

COUNT = "model tests"
"""The metric of the warning that there are fewer model tests than the champion had."""


def _digest(value: str) -> str:
    if not value.startswith("sha256:"):
        raise ValueError(f"is {value!r}, not a digest")
    return value


def _day(value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"is {value!r}, not a day such as 2013-12-31") from None
    return value


Digest = Annotated[str, AfterValidator(_digest), Field(json_schema_extra={"pattern": "^sha256:"})]
Day = Annotated[str, AfterValidator(_day), Field(json_schema_extra={"format": "date"})]


class Waiver(Document):
    """Why, and until which day (``2013-12-31``, included), a finding cannot block."""

    because: Text
    owner: Text
    until: Day


class Finding(SparseDocument):
    """The result of one rule on one slice, one behaviour, or one model test.

    Numbers are never NaN or infinite; a missing number is None. ``severity``, ``waiver`` and
    ``tolerated`` determine whether the finding counts towards the verdict.
    """

    rule: Annotated[
        Text, Field(description="The rule's or behaviour's name, or the model test's node id.")
    ]
    kind: Kind
    outcome: Outcome
    detail: Annotated[Text, Field(description="What is so, in one sentence.")]
    fix: Annotated[Text | None, Field(description="What its owner can do, if it is not PASS.")] = (
        None
    )
    metric: Text | None = None
    slice: Annotated[Text | None, Field(description="field=value, or null for all rows.")] = None
    observed: Annotated[
        Finite | None,
        Field(description="What was measured; of a change, challenger less champion."),
    ] = None
    low: Finite | None = None
    high: Finite | None = None
    limit: Annotated[
        Finite | None,
        Field(description="What observed is held against, as direction says: min is at least."),
    ] = None
    direction: Direction | None = None
    champion: Finite | None = None
    challenger: Finite | None = None
    method: Annotated[Text | None, Field(description="How the interval came about.")] = None
    chance: Annotated[
        Finite | None,
        Field(description="Of a value so far on the good side, were the truth at the limit."),
    ] = None
    rows: Annotated[Count | None, Field(description="Those that were measured.")] = None
    unit: Annotated[Text | None, Field(description="What varies: night, row, or a column.")] = None
    units: Annotated[Count | None, Field(description="How many of them were measured.")] = None
    units_needed: Annotated[
        Count | None,
        Field(description="About how many of them would tell, of an INCONCLUSIVE."),
    ] = None
    design_effect: Annotated[
        Finite | None,
        Field(
            description="How many times the variance is what it would be if rows were independent."
        ),
    ] = None
    severity: Annotated[Severity, Field(description="A warn is shown and decides nothing.")] = (
        "block"
    )
    tolerated: Annotated[
        bool, Field(description="The policy lets an INCONCLUSIVE pass, by the rule's name.")
    ] = False
    waiver: Annotated[
        Waiver | None, Field(description="The one that covers it, if it needs one.")
    ] = None
    waiver_ended: Annotated[
        Day | None, Field(description="The last day of the one that covered it and has ended.")
    ] = None
    test: Annotated[
        TestResult | None,
        Field(description="What pytest made of it, of a model test that was collected."),
    ] = None
    owner: Text | None = None
    because: Text | None = None

    @model_validator(mode="after")
    def _as_its_test(self) -> Self:
        if self.test is not None and (self.kind, self.outcome) != ("test", OUTCOMES[self.test]):
            raise ValueError(f"test is {self.test}, of a {self.kind} that is {self.outcome}")
        return self

    @property
    def title(self) -> str:
        """The rule, and its slice in brackets."""
        return f"{self.rule}[{self.slice}]" if self.slice else self.rule

    @property
    def statement(self) -> str:
        """What is so, and that a waiver of it has ended."""
        ended = self.waiver_ended
        return self.detail if ended is None else f"{self.detail} (its waiver ended on {ended})"

    @property
    def advice(self) -> str | None:
        """What its owner can do, also about a waiver that has ended."""
        if self.waiver_ended is None:
            return self.fix
        renew = "renew until under gate.waivers"
        return f"{self.fix} Or {renew}." if self.fix else f"{renew.capitalize()}, or fix it."

    @property
    def told(self) -> str:
        """What is so, and what its owner can do."""
        return f"{self.statement}. {self.advice}" if self.advice else self.statement

    @property
    def decides(self) -> bool:
        """Whether the finding counts towards the verdict."""
        return (
            self.severity == "block"
            and self.waiver is None
            and not (self.tolerated and self.outcome is Outcome.INCONCLUSIVE)
        )

    @property
    def blocks(self) -> bool:
        """Whether the finding prevents PASS."""
        return self.decides and self.outcome is not Outcome.PASS

    @property
    def exemption_reason(self) -> str:
        """Why the finding does not count, in a word; empty if it does."""
        if self.waiver is not None:
            return f"waived until {self.waiver.until}"
        if self.severity == "warn":
            return "warning"
        return "" if self.decides else "tolerated"


def distinct_titles(findings: Sequence[Finding]) -> list[str]:
    """The title of each finding; a number follows where an earlier one has the same.

    A rule can find several things in one place, such as of each feature that it names.
    """
    taken: set[str] = set()
    titles = []
    for finding in findings:
        names = chain([finding.title], (f"{finding.title} ({at})" for at in count(2)))
        titles.append(next(name for name in names if name not in taken))
        taken.add(titles[-1])
    return titles


def combine_outcomes(findings: Iterable[Finding]) -> Outcome:
    """The combined outcome of the findings that count.

    FAIL if there are none or any is FAIL, else INCONCLUSIVE if any is, else PASS.
    """
    outcomes = {finding.outcome for finding in findings if finding.decides}
    if not outcomes or Outcome.FAIL in outcomes:
        return Outcome.FAIL
    if Outcome.INCONCLUSIVE in outcomes:
        return Outcome.INCONCLUSIVE
    return Outcome.PASS


class JudgedChampion(Document):
    """The version that the bundle was compared with, and the state of that comparison.

    ``version`` and ``bundle`` are None in the state ``none``. ``bundle`` is also None if the
    version's tags do not name it.
    """

    state: State
    version: Text | None = None
    bundle: Digest | None = None

    @model_validator(mode="after")
    def _known_as_the_state_says(self) -> Self:
        state, known = self.state, None not in (self.version, self.bundle)
        if (state == "none" and (self.version or self.bundle)) or (
            state == "compared" and not known
        ):
            raise ValueError(f"is {state}, with version {self.version} and bundle {self.bundle}")
        return self

    @property
    def description(self) -> str:
        """What the bundle was compared with, in words."""
        if self.version is None:
            return STATES[self.state]
        return f"{STATES[self.state]}, {self.version}" + (
            f" ({self.bundle[:19]})" if self.bundle else ""
        )


class ModelTests(Document):
    """How many model tests were collected, and how many passed or failed.

    ``champion`` is the number of tests in the champion's verdict, None if there is none.
    """

    collected: Count
    ran: Count
    champion: Count | None = None

    @model_validator(mode="after")
    def _no_more_than_there_are(self) -> Self:
        if self.ran > self.collected:
            raise ValueError(f"ran is {self.ran}, of {self.collected} that were collected")
        return self

    @classmethod
    def count(cls, findings: Iterable[Finding], champion: Verdict | None) -> Self:
        """Of the findings of a verdict, and of that on the champion."""
        results = [each.test for each in findings if each.test is not None]
        return cls(
            collected=len(results),
            ran=sum(each in RAN for each in results),
            champion=None if champion is None else len(champion.model_tests),
        )


class HoldoutUse(Document):
    """Which challenger on its holdout the bundle is, and what that asks of a PASS.

    ``confidence`` is that of the intervals. The champion and a bundle that was judged before are no
    other challengers.
    """

    challenger: Annotated[Count, Field(ge=1, description="Its place, 1 for the first.")]
    confidence: Annotated[float, Field(gt=0, lt=1)]

    @property
    def description(self) -> str:
        """Its place, what a PASS takes, and what is left, in sentences."""
        first, now = (
            format_certainty(1 - pass_level(place, self.confidence))
            for place in (1, self.challenger)
        )
        if self.challenger == 1:
            later = format_certainty(1 - pass_level(2, self.confidence))
            return (
                f"It is the first challenger on this holdout: a PASS takes {first} certainty, that "
                f"of a second one {later}."
            )
        left = format_digits(100 * level_left(self.challenger, self.confidence), 3)
        whole = format_digits(100 * (1 - self.confidence), 3)
        return (
            f"It is the {ordinal(self.challenger)} challenger on this holdout: a PASS takes {now} "
            f"certainty instead of {first}. Of the {whole} % chance that any of them passes "
            f"falsely, {left} are left for all later ones. On fresh nights (assay window) the "
            "first has it all again."
        )


DIGESTS = ("bundle", "data", "contract", "policy", "code", "reports")
"""Fields of a verdict that are digests of its inputs."""


class Verdict(Report):
    """The outcome, the digests of its inputs, and the findings behind it.

    Equal verdicts give equal bytes. A reader must also check that ``outcome`` follows from the
    findings that count: none is FAIL, any FAIL is FAIL, else any INCONCLUSIVE is INCONCLUSIVE. A
    finding counts unless its severity is warn, it has a waiver, or it is INCONCLUSIVE and
    tolerated.
    """

    SCHEMA: ClassVar = 3
    FILE: ClassVar = layout.VERDICT
    STAGE: ClassVar = "gate"
    WHAT: ClassVar = "a verdict"

    schema_number: Literal[3] = Field(default=3, alias="schema")
    outcome: Outcome
    name: Annotated[Text, Field(description="The project.")]
    candidate: Annotated[Text, Field(description="The candidate of params.yaml that was selected.")]
    bundle: Annotated[Digest, Field(description="Of the bundle that was judged.")]
    data: Annotated[Digest, Field(description="Of the holdout.")]
    contract: Annotated[Digest, Field(description="Of the contract's file and its table rules.")]
    policy: Annotated[
        Digest,
        Field(description="Of gate and evaluate in params.yaml and of every model test."),
    ]
    code: Annotated[Digest, Field(description="Of the parts of Assay that measured and decided.")]
    reports: Annotated[
        Digest | None,
        Field(description="Of the reports that the rules were decided on; null is never promoted."),
    ] = None
    champion: JudgedChampion
    tests: Annotated[ModelTests | None, Field(description="null if none were run.")] = None
    types: Annotated[
        tuple[Text, ...],
        Field(
            description="Types in the model file beyond the loader's own list that params.yaml "
            "allowed."
        ),
    ] = ()
    rows: Annotated[
        RawRows | None,
        Field(description="Whose word the rows are; null if `assay gate rows` did not ask."),
    ] = None
    holdout: Annotated[
        HoldoutUse, Field(description="How often the holdout was asked, and what that costs.")
    ]
    findings: tuple[Finding, ...]

    @model_validator(mode="after")
    def _without_a_contradiction(self) -> Self:
        come_to = combine_outcomes(self.findings)
        if come_to is not self.outcome:
            raise ValueError(f"outcome is {self.outcome}, but its findings come to {come_to}")
        return self

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """Parse ``text``; ``where`` is the file name in errors.

        Raises
        ------
        PromotionRefused
            The text is not a verdict, or contradicts itself.
        """
        try:
            tree: Any = json.loads(
                text,
                object_pairs_hook=reject_duplicate_keys,
                parse_constant=reject_constant,
            )
            return cls._of(tree)
        except (ValueError, RecursionError) as error:
            raise PromotionRefused(
                f"not {cls.WHAT}: {error}", where=where, fix="Run the gate again: dvc repro gate."
            ) from None

    @property
    def model_tests(self) -> tuple[str, ...]:
        """Node ids of the model tests in the verdict."""
        tests = (each.rule for each in self.findings if each.kind == "test")
        return tuple(rule for rule in tests if "::" in rule)

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """Findings that prevent PASS, FAIL before INCONCLUSIVE."""
        blocking = [finding for finding in self.findings if finding.blocks]
        return tuple(sorted(blocking, key=lambda finding: finding.outcome is not Outcome.FAIL))
