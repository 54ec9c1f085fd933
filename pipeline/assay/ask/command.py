"""``assay ask``: name the rows whose labels would settle a rule, and say what they say of it.

What was asked is in reports/ask.json, which holds no row. When the list comes back it is drawn
again, from the same rows, scores, rule and seed: nothing is taken from the file but the labels. The
answer is no evidence for the gate, which judges the holdout.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
from pydantic import TypeAdapter

from assay.ask import answer, sample
from assay.ask.answer import AskedRule
from assay.ask.pool import Pool, read_pool
from assay.ask.sample import SampleDesign
from assay.contract.private_columns import private_columns
from assay.errors import BundleChanged, LabelError, SourceError, UsageError
from assay.evaluation.champion import load_challenger, load_champion
from assay.gate.inputs import GateInputs
from assay.gate.rules import kinds
from assay.gate.rules.kinds import Policy
from assay.gate.rules.limit import Limit
from assay.metrics.evaluator import Floats
from assay.metrics.intervals.power import minimum_detectable_effect
from assay.metrics.label_effects import METRICS, LabelEffects
from assay.metrics.sampling_units import format_unit_count
from assay.model.bundle import Bundle
from assay.performance.read_labels import PROBABILITY, LabelColumns, parse_labels, read_label_file
from assay.project import layout
from assay.project.document import read_stage_file, write_json, write_text
from assay.project.params import Params
from assay.project.text import counted
from assay.reports.comparison import Comparison
from assay.reports.evaluation import Evaluation
from assay.reports.verdict import Finding, Outcome
from assay.score.operations.disclosure import record
from assay.score.operations.export_targets import EXPORTS, check_target
from assay.store import open_store

LIST = f"{EXPORTS}/labels-to-find.csv"
STRATUM, _ROW = "assay_stratum", "__row"


@dataclass(frozen=True)
class Answer:
    """What the labels say of the rule, and why it cannot tell if it cannot."""

    outcome: Outcome
    value: float | None
    low: float | None
    high: float | None
    limit: float | None
    why: str | None
    note: str = "no evidence for the gate, which judges the holdout: the verdict stays as it is"


@dataclass(frozen=True)
class Asked:
    """What a list of rows was drawn for, and by what.

    Attributes
    ----------
    list
        The file, as it was named.
    bundles
        The digests of the challenger, and of the champion if the rule compares.
    first, last, until
        The nights that rows are from; labels that arrived before this moment are known.
    budget
        How many labels at most.
    pool
        The digest of all rows that could be drawn (`assay.ask.pool.Pool.digest`).
    rows, known, units
        Rows that could be drawn, those with a label, and their independent units.
    labels, labels_by_random
        How many are asked for; and how many of rows drawn by chance alone would say as much.
    expected_error
        The standard error that is expected of the metric or the change.
    would_tell
        Whether these labels would probably (`gate.power`) tell it from the limit.
    """

    SCHEMA: ClassVar[int] = 1

    rule: str
    metric: str
    list: str
    bundles: tuple[str, ...]
    first: str
    last: str
    until: datetime
    seed: int
    budget: int
    pool: str
    rows: int
    known: int
    unit: str
    units: int
    labels: int
    labels_by_random: int
    expected_error: float
    would_tell: bool
    answer: Answer | None = None


def run(
    root: Path,
    params: Params,
    rule: str | None = None,
    first: str | None = None,
    last: str | None = None,
    budget: int | None = None,
    out: Path | None = None,
    now: datetime | None = None,
    show_private: str | None = None,
) -> Asked:
    """Write the list of rows to label, whole or not at all, and what it was drawn by.

    Parameters
    ----------
    rule
        By default the first that labels can be asked for.
    budget
        How many labels; by default as many as would probably tell.
    show_private
        Why the list may have private keys. Without them nobody could fill it in.

    Raises
    ------
    UsageError
        Labels cannot be asked for the rule, or no number of them would tell and there is no budget;
        or keys are private, and there is no reason to show them.
    """
    question = _Question.of(root, params, rule)
    hidden = private_columns(root, params)
    private = [name for name in question.bundles[0].manifest.keys if name in hidden]
    if private and show_private is None:
        raise UsageError(
            "the list names rows by their keys, and some are private",
            where="assay ask",
            expected="--show-private WHY, which is put on record",
            found=", ".join(private),
        )
    path, until = check_target(root, out or root / LIST, "--out"), now or datetime.now(UTC)
    pool = read_pool(root, params, question.bundles, first, last, until)
    effects, spreads = question.effects(pool)
    floor, enough = answer.least_variance(pool, effects), question.error_that_tells(effects)
    chosen = budget
    if chosen is None:
        chosen = sample.least_budget(spreads, effects, pool.expected, enough**2 - floor)
    if chosen is None or not spreads.any():
        raise UsageError(
            "all labels of these rows would probably not tell either",
            where=f"assay ask, rule '{question.rule.name}'",
            expected=f"a standard error of {enough:.2g}",
            found=f"{floor**0.5:.2g} with all labels of "
            f"{format_unit_count(pool.units.count, pool.units.name)}",
            fix="More nights, or --budget N for what N labels say.",
        )
    design = sample.design(spreads, chosen)
    adds = sample.design_variance(design, effects, pool.expected)
    error, nights = float((floor + adds) ** 0.5), pool.keys.column(0)
    table = _list(params, question, pool, design, params.seed)
    asked = Asked(
        rule=question.rule.name,
        metric=question.rule.metric,
        list=str(out or LIST),
        bundles=question.digests,
        first=nights[0].as_py(),
        last=nights[-1].as_py(),
        until=until,
        seed=params.seed,
        budget=chosen,
        pool=pool.digest,
        rows=len(nights),
        known=int((~pool.unknown).sum()),
        unit=pool.units.name,
        units=pool.units.count,
        labels=table.num_rows,
        labels_by_random=sample.random_equivalent(adds, effects, pool.expected, pool.unknown),
        expected_error=error,
        would_tell=error <= enough and not sample.few(design, effects, pool.expected),
    )
    record(root, open_store(root, params), "ask", asked.first, show_private)
    sink = pa.BufferOutputStream()
    pcsv.write_csv(table, sink)
    try:
        write_text(path, sink.getvalue().to_pybytes().decode())
    except OSError as error_:
        raise SourceError("cannot be written", where=str(path), found=str(error_)) from None
    return _write(root, asked)


def read_answer(root: Path, params: Params, file: Path, now: datetime | None = None) -> Asked:
    """What the labels of the list say of the rule that it was drawn for.

    Raises
    ------
    BundleChanged, LabelError
        The models or the rows are not those that were asked about; or the file is not the list with
        a label in each row.
    """
    try:
        asked = TypeAdapter(Asked).validate_json(read_stage_file(root, layout.ASK, "assay ask"))
    except ValueError as error:
        raise SourceError(
            "is not what assay ask wrote", where=layout.ASK, found=str(error).partition("\n")[0]
        ) from None
    question = _Question.of(root, params, asked.rule)
    if (question.digests, question.rule.metric) != (asked.bundles, asked.metric):
        raise BundleChanged(
            "the list was drawn for other models or another metric", where=layout.ASK, fix=_AGAIN
        )
    pool = read_pool(root, params, question.bundles, asked.first, asked.last, asked.until)
    if pool.digest != asked.pool:
        raise LabelError(
            "the rows, their scores or the labels known then are not those that were asked about",
            where=f"nights {asked.first} to {asked.last}",
            fix=_AGAIN,
        )
    _, spreads = question.effects(pool)
    design = sample.design(spreads, asked.budget)
    labels = _labels(
        file, _list(params, question, pool, design, asked.seed), now or datetime.now(UTC)
    )
    drawn, confidence = design.draw(pool.order, asked.seed), question.report.confidence
    measured = answer.measure(question.rule.metric, pool, design, drawn, labels, confidence)
    told, why = answer.judge(question.rule, pool, measured, question.report, question.policy)
    outcome = Answer(told.outcome, told.observed, told.low, told.high, told.limit, why)
    return _write(root, replace(asked, answer=outcome))


_AGAIN = "Ask again: assay ask."


def _write(root: Path, asked: Asked) -> Asked:
    tree = TypeAdapter(Asked).dump_python(asked, mode="json")
    write_json(root / layout.ASK, {"schema": Asked.SCHEMA, **tree})
    return asked


@dataclass(frozen=True)
class _Question:
    """A rule that could not tell, what the gate decided it on, and the models that it is about."""

    rule: AskedRule
    finding: Finding
    report: Evaluation | Comparison
    policy: Policy
    bundles: tuple[Bundle, ...]

    @classmethod
    def of(cls, root: Path, params: Params, name: str | None) -> _Question:
        """Of the rule of this name, or of the first that labels can be asked for."""
        policy, inputs = kinds.read_policy(params, root), GateInputs.of(root)
        named = {rule.name: rule for rule in policy.rules if name in (None, rule.name)}
        known = [rule.name for rule in policy.rules]
        near = difflib.get_close_matches(name or "", known, n=1)
        reasons = [] if named else ["no such rule" + (f"; '{near[0]}'?" if near else "")]
        for rule in named.values():
            finding = kinds.evaluate_rule(rule, inputs, policy)[0]
            if finding.outcome is not Outcome.INCONCLUSIVE:
                reasons.append(f"'{rule.name}' is {finding.outcome}")
            elif not kinds.can_be_asked(rule, inputs.evaluation.task):
                reasons.append(f"'{rule.name}' is of another kind, metric or task, or on slices")
            elif (bundles := _bundles(root, params, rule)) is None:
                reasons.append(f"'{rule.name}' has no champion to compare with")
            else:
                limits = isinstance(rule, Limit)
                report = inputs.evaluation if limits else inputs.comparison
                return cls(rule, finding, report, policy, bundles)
        raise UsageError(
            "labels are asked for a rule that could not tell",
            where=f"assay ask --rule '{name}'" if name else "assay ask",
            expected="an INCONCLUSIVE rule of kind limit or change about all rows of a binary "
            f"model, on {', '.join(METRICS)}",
            found="; ".join(reasons),
        )

    @property
    def digests(self) -> tuple[str, ...]:
        return tuple(bundle.digest for bundle in self.bundles)

    def effects(self, pool: Pool) -> tuple[LabelEffects, Floats]:
        """What each row's label is expected to do to the metric or change, and how much it may."""
        known = answer.effects(self.rule.metric, pool, pool.expected)[0]
        if not np.isfinite(known.value):
            raise UsageError(f"{self.rule.metric} has no value in these rows",
                             where="assay ask", fix="Take more nights.")  # fmt: skip
        return known, sample.spread(known, pool.expected, pool.unknown)

    def error_that_tells(self, effects: LabelEffects) -> float:
        """The standard error that tells the metric from the rule's limit with ``gate.power``."""
        measured = effects.value if self.finding.observed is None else self.finding.observed
        distance = abs(measured - answer.limit_of(self.rule))
        return distance / minimum_detectable_effect(1, self.report.confidence, self.policy.power)


def _bundles(root: Path, params: Params, rule: AskedRule) -> tuple[Bundle, ...] | None:
    challenger = load_challenger(root, params)
    if isinstance(rule, Limit):
        return (challenger,)
    champion = load_champion(root, params, challenger.manifest).bundle
    return None if champion is None else (challenger, champion)


def _list(
    params: Params, question: _Question, pool: Pool, design: SampleDesign, seed: int
) -> pa.Table:
    """The drawn rows as they are written: night, keys, scores, stratum, probability, label."""
    drawn = design.draw(pool.order, seed)
    added = {
        **dict(zip(("assay_score", "assay_champion_score"), pool.scores, strict=False)),
        STRATUM: design.strata + 1,
        PROBABILITY: design.probabilities,
    }
    listed = pool.keys.take(pa.array(drawn))
    for name, values in added.items():
        listed = listed.append_column(name, pa.array(values[drawn]))
    label = params.labels.truth or question.bundles[0].manifest.label
    return listed.append_column(label, pa.nulls(len(drawn), pa.bool_()))


def _labels(file: Path, wanted: pa.Table, now: datetime) -> Floats:
    """The label of each row of the list, ``(n,)``, as 0 and 1."""
    *names, label = wanted.column_names
    keys = [name for name in names if not name.startswith("assay_")]
    schema = pa.schema([wanted.schema.field(name) for name in keys])
    columns = LabelColumns(tuple(keys), label)
    labels = parse_labels(
        read_label_file(file, "--labels"), columns, schema, "binary", str(file), now
    )
    numbered = wanted.select(keys).append_column(_ROW, pa.array(range(wanted.num_rows)))
    both = numbered.join(labels.rows.select([*keys, "truth"]), keys, join_type="inner")
    strange = labels.rows.num_rows - both.num_rows + labels.keyless
    missing = wanted.num_rows - both.num_rows
    if strange or missing:
        raise LabelError(
            f"{counted(strange, 'label')} of rows that were not asked for"
            if strange
            else f"{counted(missing, 'row')} without a label, and those that have one are not "
            "like the others",
            where=str(file),
            expected=f"a label of each of the {wanted.num_rows:,} rows of the list, and no other",
        )
    return np.asarray(both.sort_by(_ROW).column("truth").to_numpy(), dtype=np.float64)
