"""``assay monitor --retrain-if``: decide from matured performance whether to retrain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from assay.errors import NothingScored, ParamsError, RetrainAdvised, UsageError
from assay.performance import pooled, realized_metrics
from assay.project import layout
from assay.project.document import write_text
from assay.project.params import Params, yaml_text
from assay.project.params.monitoring import RetrainRule
from assay.project.partitions import parse_day
from assay.project.text import counted
from assay.reports.retrain import (
    AdviceState,
    PooledMetric,
    RetrainAdvice,
    RetrainRow,
    RuleAdvice,
)
from assay.store import open_store

Row = Mapping[str, Any]

SHOWN = 7
"""The most nights that a sentence names, the last ones."""


def advise(
    rules: Sequence[RetrainRule], table: Sequence[Row], column: str, version: str, now: datetime
) -> list[RuleAdvice]:
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


def _one(rule: RetrainRule, ripe: Sequence[Row], column: str) -> RuleAdvice:
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
    nights = [row for row in of_metric if _told(row, rule)][-rule.of :]
    short = tuple(row[column] for row in of_metric if not _told(row, rule))
    if len(nights) < rule.of:
        return _advice(rule, "waiting", nights, short, column)
    bad = sum(rule.crossed(row["value"]) for row in nights)
    return _advice(rule, "retrain" if bad >= rule.nights else "fine", nights, short, column)


def _pooled(rule: RetrainRule, mine: Sequence[Row], column: str) -> RuleAdvice:
    known, short = pooled.parts(rule.metric, mine, column, rule.min_labelled)
    nights = known[-rule.window :]
    rows = [each.row for each in nights]
    if len(nights) < rule.window:
        return _advice(rule, "waiting", rows, short, column)
    estimate = pooled.over(nights)
    # The whole interval, so no more than one end can be past a limit that the other one keeps.
    beyond = (rule.min is not None and estimate.high < rule.min) or (
        rule.max is not None and estimate.low > rule.max
    )
    return _advice(rule, "retrain" if beyond else "fine", rows, short, column, estimate)


def _advice(
    rule: RetrainRule,
    state: AdviceState,
    rows: Sequence[Row],
    short: tuple[str, ...],
    column: str,
    together: PooledMetric | None = None,
) -> RuleAdvice:
    """The result of a rule on rows of the performance table, in order; see `RuleAdvice`."""
    copied = ("value", "low", "high", "rows", "labelled_share", "run_id")
    nights = tuple(
        RetrainRow(
            night=row[column],
            crossed=rule.crossed(row["value"]),
            **{name: row[name] for name in copied},
        )
        for row in rows
    )
    if state == "waiting":
        over = f", and {len(short)} with too few truths" if short else ""
        sentence = (
            f"{rule.title}: cannot be told yet, {len(nights)} of {rule.window} nights "
            f"have matured{over}"
        )
    elif together is not None:
        sentence = _sentence_of_all(rule, state, together)
    else:
        sentence = _sentence(rule, state, nights)
    return RuleAdvice(
        **rule.model_dump(),
        state=state,
        sentence=sentence,
        looked_at=nights,
        pooled=together,
        too_few_truths=short,
    )


def _sentence(rule: RetrainRule, state: AdviceState, nights: Sequence[RetrainRow]) -> str:
    """How many of the last nights are past the limit, and which."""
    crossed = [each for each in nights if each.crossed]
    named = crossed[-SHOWN:]
    # A shorter list than the count must not read as all of them.
    last = f"the last {SHOWN} of them: " if len(named) < len(crossed) else ""
    shown = last + ", ".join(f"{each.night} {each.value:.4g}" for each in named)
    lead = "train again, " if state == "retrain" else ""
    wanted = f"{lead}{rule.title} is not {rule.limit} on {len(crossed)} of the last"
    return f"{wanted} {counted(rule.of, 'night')}" + (f" ({shown})" if shown else "")


def _sentence_of_all(rule: RetrainRule, state: AdviceState, together: PooledMetric) -> str:
    verb = "may be" if rule.crossed(together.value) else "is"
    lead, verb = ("train again, ", "is not") if state == "retrain" else ("", verb)
    return (
        f"{lead}{rule.title} {verb} {rule.limit}: {together.value:.4g} ({together.low:.4g} to "
        f"{together.high:.4g}) over the last {counted(rule.window, 'night')} together"
    )


def _told(row: Row, rule: RetrainRule) -> bool:
    return row["value"] is not None and row["labelled_share"] >= rule.min_labelled


def _ripe(row: Row, column: str, now: datetime) -> bool:
    day = parse_day(row[column])
    return day is not None and now >= realized_metrics.maturity_end(day, row["maturity_days"])


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
    advised = RetrainAdvice(
        advised=bool(bad),
        version=record.version,
        until=shown[-1],
        rules=tuple(advice),
    )
    advised.write(root)
    if bad:
        more = f"; and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise RetrainAdvised(
            advised.reasons[0] + more,
            where=f"{params.name} {record.version}",
            fix=f"See {layout.RETRAIN}",
        ).attach_report(advised)
    return advised


@dataclass(frozen=True)
class MovedWindow:
    """The windows now, and by how many days they moved; 0 if they stayed, and ``why``."""

    days: int
    train: tuple[str, str]
    holdout: tuple[str, str]
    why: str

    def document(self) -> dict[str, Any]:
        return {"moved": self.days > 0, **asdict(self)}


def move_window(root: Path, params: Params, *, if_advised: bool = False) -> MovedWindow:
    """Move both windows by the same number of days, so that the holdout ends with the labels.

    Their lengths and what lies between them stay. Only params.yaml is written, and of it only the
    four days.

    Parameters
    ----------
    if_advised
        Only if ``assay monitor --retrain-if`` says to train again.
    """
    why = "asked for"
    if if_advised:
        try:
            advice = run(root, params)
        except RetrainAdvised as advised:
            why = advised.what
        else:
            text = "; ".join(each.sentence for each in advice.rules)
            return _stays(params, f"no rule says to train again: {text}")
    days = shift(params, newest_labels(root, params))
    if days <= 0:
        return _stays(params, "no labels are newer than the holdout")
    moved = MovedWindow(
        days,
        _by(params.prepare.train.start, params.prepare.train.end, days),
        _by(params.prepare.holdout.start, params.prepare.holdout.end, days),
        why,
    )
    path = root / layout.PARAMS
    values: dict[tuple[str, ...], str] = {
        ("prepare", side, end): getattr(moved, side)[at]
        for side in ("train", "holdout")
        for at, end in enumerate(("from", "to"))
    }
    write_text(path, yaml_text.set_values(path.read_text(encoding="utf-8"), values))
    return moved


def newest_labels(root: Path, params: Params) -> date | None:
    """The newest night with labels; None if there is none."""
    days = map(parse_day, open_store(root, params).labelled_partitions())
    return max((day for day in days if day is not None), default=None)


def shift(params: Params, newest: date | None) -> int:
    """By how many days the windows move for the holdout to end at ``newest``; 0 if they stay."""
    if newest is None:
        return 0
    return max(0, (newest - date.fromisoformat(str(params.prepare.holdout.end))).days)


def _stays(params: Params, why: str) -> MovedWindow:
    sides = params.prepare.train, params.prepare.holdout
    train, holdout = ((str(side.start), str(side.end)) for side in sides)
    return MovedWindow(0, train, holdout, why)


def _by(start: object, end: object, days: int) -> tuple[str, str]:
    first, last = (date.fromisoformat(str(each)) + timedelta(days=days) for each in (start, end))
    return str(first), str(last)
