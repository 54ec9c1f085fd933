"""Load params.yaml into frozen, typed values, and report all its mistakes at once.

ruamel.yaml reads it as DVC does (YAML 1.2: ``1e-3`` is a number, ``no`` and ``on`` are
strings), so Assay and DVC see the same values.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from assay.errors import ParamsError
from assay.project import layout
from assay.project.params import yaml_text
from assay.project.params.access import Access
from assay.project.params.behaviour import GateParams
from assay.project.params.candidates import Candidate
from assay.project.params.card import CardParams
from assay.project.params.inputs import Input, TableName
from assay.project.params.messages import explain_errors
from assay.project.params.monitoring import Alerts as Alerts
from assay.project.params.monitoring import LabelsParams, ScheduleParams
from assay.project.params.monitoring import Monitor as Monitor
from assay.project.params.monitoring import Webhook as Webhook
from assay.project.params.values import (
    MOST_DAYS,
    Count,
    Dumped,
    Frozen,
    FunctionName,
    Nights,
    Positive,
    Section,
    Seed,
    Share,
    TableDay,
    Text,
    TypeName,
    check_limits,
    refuse_repeats,
)
from assay.project.tasks import Better, Metric

Carrier = Literal["local", "files"]
AskedCarrier = Literal["auto", "local", "files"]


class Rehearse(Section):
    """``rows`` of the holdout to score with each carrier; ``repeats`` of each timing.

    ``nights`` of ``score.input`` are scored by the challenger and the champion.
    """

    rows: Positive = 20_000
    repeats: Annotated[int, Field(ge=1, le=1000)] = 5
    carriers: Annotated[tuple[AskedCarrier, ...], Field(min_length=1)] = ("auto",)
    nights: Nights = 0

    @field_validator("carriers")
    @classmethod
    def _distinct(cls, carriers: tuple[AskedCarrier, ...]) -> tuple[AskedCarrier, ...]:
        refuse_repeats(carriers, "each carrier once")
        return carriers


class LeakageParams(Section):
    """Limits of the leakage checks between training and holdout. A value at the limit passes."""

    sample_rows: Positive = 50_000
    max_label_power: Share = 0.98
    max_category_shift: Share = 0.1
    max_label_shift: Share = 0.1
    max_unlabelled: Share = 0.02
    max_duplicate_share: Share = 0.01
    max_identifier_share: Share = 0.95
    max_sum_power: Share = 0.75
    trusted_columns: tuple[Text, ...] = ()


class Window(Section):
    """Days from ``from`` to ``to``, both included."""

    start: TableDay = Field(alias="from")
    end: TableDay = Field(alias="to")

    @model_validator(mode="after")
    def _ordered(self) -> Window:
        if self.end < self.start:
            raise ValueError(f"'to' on or after 'from'|from {self.start} to {self.end}")
        return self

    @property
    def days(self) -> int:
        return (self.end - self.start) // timedelta(days=1) + 1

    def __str__(self) -> str:
        return f"{self.start} to {self.end}"


class Ingest(Section):
    source: FunctionName
    partition_by: Text


class RowCount(Section):
    rule: Literal["row_count"]
    min: Count | None = None
    max: Count | None = None

    @model_validator(mode="after")
    def _bounded(self) -> RowCount:
        check_limits(self.min, self.max)
        return self


class NullShareParams(Section):
    rule: Literal["null_share"]
    column: Text
    max: Share


class UniqueKey(Section):
    rule: Literal["unique_key"]


class Freshness(Section):
    """The newest row is at most ``max_days`` days older than the last day of the table."""

    rule: Literal["freshness"]
    max_days: Count


TableRule = Annotated[
    RowCount | NullShareParams | UniqueKey | Freshness, Field(discriminator="rule")
]


class ContractParams(Section):
    file: Text
    max_bad_share: Share = 0.0
    training: tuple[TableRule, ...] = ()
    night: tuple[TableRule, ...] = ()


class Prepare(Section):
    """The windows; rows of a value of ``apart`` that the holdout has are not trained on."""

    train: Window
    holdout: Window
    apart: Text | None = None

    @model_validator(mode="after")
    def _apart(self) -> Prepare:
        if self.holdout.start <= self.train.end:
            raise ValueError(
                "a holdout that starts after the training window ends"
                f"|train {self.train}, holdout {self.holdout}"
            )
        return self


CandidateName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]


class Train(Section):
    select_by: Metric
    calibration: Literal["auto", "sigmoid", "isotonic", "none"] = "auto"
    folds: Annotated[int, Field(ge=2)] = 5
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    candidates: Annotated[Mapping[CandidateName, Candidate], Field(min_length=1), Frozen]


class ReasonsParams(Section):
    """What contributions of features compare a row with.

    ``population`` is all of training; ``reference`` are at most ``sample`` of the bundle's sample
    of training: any, or those whose scores are nearest to the threshold on one side.
    """

    against: Literal["population", "reference"] = "population"
    rows: Literal["all", "above_threshold", "below_threshold"] = "all"
    sample: Annotated[int, Field(ge=1, le=1000)] = 100

    @model_validator(mode="after")
    def _of_one_game(self) -> ReasonsParams:
        given = [name for name in ("rows", "sample") if name in self.model_fields_set]
        if self.against == "population" and given:
            found = ", ".join(f"{name}: {getattr(self, name)}" for name in given)
            raise ValueError(f"against: reference with rows and sample|{found} without it")
        return self


class BundleParams(Section):
    reference_rows: Positive = 5000
    allow_types: tuple[TypeName, ...] = ()
    compile: Literal["auto", "off"] = "auto"
    tolerance: Annotated[float, Field(ge=0, le=1e-3)] = 1e-12
    reasons: ReasonsParams = ReasonsParams()


def _pair(fields: tuple[str, ...]) -> tuple[str, ...]:
    if len(fields) != 2 or fields[0] == fields[1]:
        raise ValueError(f"two slice fields|{', '.join(fields) or 'none'}")
    return fields


Pair = Annotated[tuple[Text, ...], AfterValidator(_pair)]


class Evaluate(Section):
    unit: Text = "night"
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    min_slice_rows: Positive = 200
    pairs: tuple[Pair, ...] = ()
    metrics: Annotated[Mapping[FunctionName, Better], Frozen, Dumped] = Field(
        default_factory=dict, validate_default=True
    )


class Registry(Section):
    stage: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")] = "prod"
    require_approval: bool = False


class Approval(Section):
    """People, by name or address in git, one of whom has to approve a plan before promotion.

    ``not_author``: whoever made the commit cannot.
    """

    who: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    of: Literal["plan"] = "plan"
    people: Annotated[tuple[Text, ...], Field(min_length=1)]
    not_author: bool = False


SiteName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]


class Federate(Section):
    """Sites that learn a model together, and what they may share.

    Attributes
    ----------
    sites
        Their names, the same list in the same order at each of them.
    min_rows
        A category's name leaves a site only if it has so many rows there; a metric too.
    penalty
        Of the squared coefficients: 1 / C of a logistic regression, alpha of a ridge regression.
    """

    sites: Annotated[tuple[SiteName, ...], Field(min_length=3)]
    min_rows: Positive = 20
    penalty: Annotated[float, Field(gt=0)] = 1.0


class Reasons(Section):
    """Which rows of a night are published with their reasons, and which of them."""

    top: Annotated[int, Field(ge=1, le=100)] = 4
    rows: Literal["above", "all", "sample"] = "above"
    direction: Literal["adverse", "both"] = "adverse"


class Score(Section):
    input: Input
    carrier: AskedCarrier = "auto"
    batch_rows: Positive = 100_000
    reasons: Reasons | None = None


class Quarantine(Section):
    """The share of rows that may be quarantined, in all and per rule, on a published night."""

    max_share: Share = 0.02
    repeated_keys: Literal["refuse", "publish"] = "refuse"
    rules: Annotated[Mapping[Text, Share], Frozen, Dumped] = Field(
        default_factory=dict, validate_default=True
    )


class Publish(Section):
    """Limits for a scored night compared with recent published nights, before it is published."""

    recent_nights: Positive = 14
    min_nights: Positive = 3
    max_row_change: Annotated[float, Field(gt=0)] = 0.5
    max_score_distance: Annotated[float, Field(gt=0, le=1)] = 0.5
    max_null_share: Share = 0.0
    hold_broken: Literal["scores", "features"] = "scores"
    keep_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 30
    as_table: TableName | None = None


class DataHold(Window):
    """Nights whose rows are kept, whatever their age and whoever asks."""

    because: Text


class Retention(Section):
    """How many days after its night a row is kept; for good where nothing is said.

    ``holds`` are exceptions.
    """

    predictions: Annotated[int, Field(ge=1, le=MOST_DAYS)] | None = None
    quarantine: Annotated[int, Field(ge=1, le=MOST_DAYS)] | None = None
    labels: Annotated[int, Field(ge=1, le=MOST_DAYS)] | None = None
    holds: tuple[DataHold, ...] = ()

    @property
    def days(self) -> dict[str, int]:
        """Table -> days, of those that have a limit."""
        kept = {name: getattr(self, name) for name in ("quarantine", "predictions", "labels")}
        return {name: days for name, days in kept.items() if days is not None}


class SparkParams(Section):
    master: Text = "local[*]"
    conf: Annotated[Mapping[str, str], Frozen] = Field(default_factory=dict, validate_default=True)


class Params(Section):
    """The whole of params.yaml; ``assay`` is the version whose `assay init` wrote the project."""

    assay: Text | None = None
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*[a-z0-9]$")]
    seed: Seed
    store: Text = "store"
    ingest: Ingest
    contract: ContractParams
    prepare: Prepare
    leakage: LeakageParams = LeakageParams()
    train: Train
    bundle: BundleParams = BundleParams()
    evaluate: Evaluate = Field(default_factory=Evaluate)
    rehearse: Rehearse = Rehearse()
    gate: GateParams
    registry: Registry = Registry()
    access: Access = Field(default_factory=Access)
    approvals: tuple[Approval, ...] = ()
    card: CardParams = Field(default_factory=CardParams)
    federate: Federate | None = None
    score: Score
    quarantine: Quarantine = Field(default_factory=Quarantine)
    publish: Publish = Publish()
    retention: Retention = Retention()
    spark: SparkParams = Field(default_factory=SparkParams)
    monitor: Monitor = Field(default_factory=Monitor)
    labels: LabelsParams = LabelsParams()
    alerts: Alerts = Alerts()
    schedule: ScheduleParams = ScheduleParams()

    _written: tuple[str, str] = ("", "")

    @field_validator("approvals")
    @classmethod
    def _each_asked_once(cls, approvals: tuple[Approval, ...]) -> tuple[Approval, ...]:
        refuse_repeats([each.who for each in approvals], "each who once")
        return approvals

    @field_validator("federate")
    @classmethod
    def _each_site_once(cls, federate: Federate | None) -> Federate | None:
        refuse_repeats([] if federate is None else federate.sites, "each of federate.sites once")
        return federate

    def explain(
        self, error: ValidationError, model: type[Section], at: tuple[int | str, ...]
    ) -> list[str]:
        """A line for each mistake that ``model`` found in the value ``at`` a place of the file.

        For a room that parses keys of its own.
        """
        text, name = self._written
        return explain_errors(error, _yaml(text, name), name, model, at)

    @model_validator(mode="after")
    def _rows_wait_for_labels(self) -> Params:
        pools = (rule.pool or 0 for rule in self.monitor.retrain)
        needed = max(*self.monitor.maturities, *pools)
        for name in ("predictions", "labels"):
            kept = getattr(self.retention, name)
            if kept is not None and kept < needed:
                raise ValueError(
                    f"retention.{name} of {needed} or more, which monitor looks back|{kept}"
                )
        return self


def load(root: Path) -> Params:
    """Read ``root/params.yaml``.

    Raises
    ------
    ParamsError
        The file is missing or invalid. Lists every mistake: file and line, key, expected and
        found value, and for an unknown key the closest valid one.
    """
    path = root / layout.PARAMS
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ParamsError(
            [f"{path}: no such file. Run assay in the project's root, or give it with --root"]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ParamsError([f"{path}: cannot be read as UTF-8 text ({error})"]) from None
    return parse(text, layout.PARAMS)


@lru_cache(maxsize=8)
def parse(text: str, name: str) -> Params:
    """Parse ``text``; ``name`` is the file name in errors.

    A command needs the same text several times: its own, and as it was at promotion.
    """
    tree = _yaml(text, name)
    if not isinstance(tree, Mapping):
        found = "nothing" if tree is None else "a list" if isinstance(tree, list) else repr(tree)
        raise ParamsError([f"{name}: expected a mapping of sections, found {found}"])
    try:
        params = Params.model_validate(_plain(tree, name))
        params._written = (text, name)
        return params
    except ValidationError as error:
        raise ParamsError(explain_errors(error, tree, name, Params)) from None


def _yaml(text: str, name: str) -> Any:
    try:
        return yaml_text.load(text)
    except yaml_text.YamlError as problem:
        line = f":{problem.line}" if problem.line else ""
        raise ParamsError([f"{name}{line}: {problem}"]) from None


def _plain(node: Any, name: str) -> Any:
    """Ruamel's annotated nodes as plain values; lists become tuples, which are immutable."""
    if isinstance(node, Mapping):
        return {str(key): _plain(value, name) for key, value in node.items()}
    if isinstance(node, list):
        return tuple(_plain(value, name) for value in node)
    if isinstance(node, bool | date) or node is None:
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    found = getattr(getattr(node, "tag", None), "value", None) or type(node).__name__
    raise ParamsError([f"{name}: expected plain values without tags, found {found}"])
