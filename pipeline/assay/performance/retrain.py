"""``assay monitor --retrain-if``: decide from matured performance whether to retrain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay.errors import NothingScored, ParamsError, RetrainAdvised, UsageError
from assay.performance import maturity, pooled
from assay.project import layout
from assay.project.params import Params
from assay.project.params.monitoring import RetrainRule
from assay.project.partitions import parse_day
from assay.project.text import counted
from assay.reports.retrain import (
    AdviceState,
    PooledNights,
    RetrainAdvice,
    RetrainNight,
    RuleAdvice,
)
from assay.store import open_store

Row = Mapping[str, Any]

SHOWN = 7
"""The most nights that a sentence names, the last ones."""


@dataclass(frozen=True)
class Advice:
    """The result of one retrain rule.

    Attributes
    ----------
    nights
        The rows of the performance table that were used, in order.
    short
        Matured nights that were skipped: too few of their rows have a label, or the metric has no
        value.
    pooled
        Of a rule with ``pool``: the metric over all of ``nights``, with its interval.
    """

    rule: RetrainRule
    state: AdviceState
    nights: tuple[Row, ...]
    short: tuple[str, ...]
    pooled: PooledNights | None = None

    @property
    def crossed(self) -> tuple[Row, ...]:
        """The nights that are past the limit."""
        return tuple(row for row in self.nights if self.rule.crossed(row["value"]))

    def sentence(self, column: str) -> str:
        """The result and the values behind it."""
        rule = self.rule
        if self.state == "waiting":
            over = f", and {len(self.short)} with too few truths" if self.short else ""
            return (
                f"{rule.title}: cannot be told yet, {len(self.nights)} of {rule.window} nights "
                f"have matured{over}"
            )
        if self.pooled is not None:
            return self._together(self.pooled)
        rows = self.crossed[-SHOWN:]
        # A shorter list than the count must not read as all of them.
        last = f"the last {SHOWN} of them: " if len(rows) < len(self.crossed) else ""
        shown = last + ", ".join(f"{row[column]} {row['value']:.4g}" for row in rows)
        lead = "train again, " if self.state == "retrain" else ""
        wanted = f"{lead}{rule.title} is not {rule.limit} on {len(self.crossed)} of the last"
        return f"{wanted} {counted(rule.of, 'night')}" + (f" ({shown})" if shown else "")

    def _together(self, pooled: PooledNights) -> str:
        rule = self.rule
        verb = "may be" if rule.crossed(pooled.value) else "is"
        lead, verb = ("train again, ", "is not") if self.state == "retrain" else ("", verb)
        return (
            f"{lead}{rule.title} {verb} {rule.limit}: {pooled.value:.4g} ({pooled.low:.4g} to "
            f"{pooled.high:.4g}) over the last {counted(rule.window, 'night')} together"
        )

    def document(self, column: str) -> RuleAdvice:
        """For the report; ``column`` is the partition column."""
        told = ("value", "low", "high", "rows", "labelled_share", "run_id")
        return RuleAdvice(
            **self.rule.model_dump(),
            state=self.state,
            sentence=self.sentence(column),
            looked_at=tuple(
                RetrainNight(
                    night=row[column],
                    crossed=self.rule.crossed(row["value"]),
                    **{name: row[name] for name in told},
                )
                for row in self.nights
            ),
            pooled=self.pooled,
            too_few_truths=self.short,
        )


def advise(
    rules: Sequence[RetrainRule], table: Sequence[Row], column: str, version: str, now: datetime
) -> list[Advice]:
    """Apply each rule to one version's nights.

    Estimates are ignored, and so are maturities whose day is not over.

    Parameters
    ----------
    table
        Rows of the performance table.
    version
        Nights that another version scored are ignored, so after a promotion the rules wait.
    """
    ripe = [
        row
        for row in table
        if not row["estimated"] and row["model_version"] == version and _ripe(row, column, now)
    ]
    return [_one(rule, ripe, column) for rule in rules]


def _one(rule: RetrainRule, ripe: Sequence[Row], column: str) -> Advice:
    mine = [row for row in ripe if row["maturity_days"] == rule.maturity]
    known = {row["metric"] for row in mine}
    if mine and rule.metric not in known:
        raise UsageError(
            f"a retrain rule asks for {rule.metric}, which is not measured of this model",
            where="params.yaml: monitor.retrain",
            expected=", ".join(sorted(known)),
        )
    mine = sorted((row for row in mine if row["slice"] == rule.slice), key=lambda row: row[column])
    if rule.pool is not None:
        return _pooled(rule, mine, column)
    of_metric = [row for row in mine if row["metric"] == rule.metric]
    told = [row for row in of_metric if _told(row, rule)]
    nights = tuple(told[-rule.of :])
    short = tuple(row[column] for row in of_metric if not _told(row, rule))
    if len(nights) < rule.of:
        return Advice(rule, "waiting", nights, short)
    bad = sum(rule.crossed(row["value"]) for row in nights)
    return Advice(rule, "retrain" if bad >= rule.nights else "fine", nights, short)


def _pooled(rule: RetrainRule, mine: Sequence[Row], column: str) -> Advice:
    known, short = pooled.parts(rule.metric, mine, column, rule.min_labelled)
    nights = tuple(known[-rule.window :])
    if len(nights) < rule.window:
        return Advice(rule, "waiting", tuple(each.row for each in nights), short)
    found = pooled.over(nights)
    # The whole interval, so no more than one end can be past a limit that the other one keeps.
    beyond = (rule.min is not None and found.high < rule.min) or (
        rule.max is not None and found.low > rule.max
    )
    state: AdviceState = "retrain" if beyond else "fine"
    return Advice(rule, state, tuple(each.row for each in nights), short, found)


def _told(row: Row, rule: RetrainRule) -> bool:
    return row["value"] is not None and row["labelled_share"] >= rule.min_labelled


def _ripe(row: Row, column: str, now: datetime) -> bool:
    day = parse_day(row[column])
    return day is not None and now >= maturity.maturity_end(day, row["maturity_days"])


def run(
    root: Path,
    params: Params,
    night: str | None = None,
    now: datetime | None = None,
) -> RetrainAdvice:
    """Apply the rules of ``monitor.retrain``, and write reports/retrain.json.

    Parameters
    ----------
    night
        The last night to consider; None for the last published one.

    Raises
    ------
    ParamsError
        There are no rules.
    NothingScored
        No night is published.
    RetrainAdvised
        After everything is written: a rule advises to retrain.
    """
    rules = params.monitor.retrain
    if not rules:
        raise ParamsError(
            [
                f"{layout.PARAMS}: monitor.retrain: expected at least one rule for --retrain-if, "
                "such as {metric: auc, min: 0.7, maturity: 7, nights: 2, of: 3}, found none"
            ]
        )
    store = open_store(root, params)
    shown = [each for each in store.visible_runs() if night is None or each <= night]
    record = store.published_run(shown[-1]) if shown else None
    if record is None:
        raise NothingScored(
            "no night has been published",
            where=f"until {night}" if night else store.uri,
            fix="Score one: assay score --date DAY",
        )
    rows = [row for row in store.performance().to_pylist() if row[store.column] in shown]
    advice = advise(rules, rows, store.column, record.version, now or datetime.now(UTC))
    bad = [each for each in advice if each.state == "retrain"]
    found = RetrainAdvice(
        advised=bool(bad),
        version=record.version,
        until=shown[-1],
        rules=tuple(each.document(store.column) for each in advice),
    )
    found.write(root)
    if bad:
        more = f"; and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise RetrainAdvised(
            found.reasons[0] + more,
            where=f"{params.name} {record.version}",
            fix=f"See {layout.RETRAIN}",
        ).attach_report(found)
    return found
