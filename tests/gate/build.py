"""Rules and reports in a line or two, for tests that say what differs and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from assay.contract.result import ContractResult, RuleResult
from assay.gate.rules.kinds import Policy, make_rule
from assay.metrics.estimate import Estimate
from assay.metrics.intervals.difference import Difference
from assay.metrics.intervals.estimates import wilson_interval
from assay.project.params.behaviour import LEAKAGE_CHECKS
from assay.project.tasks import Task
from assay.reports.comparison import (
    Challenger,
    ChangedPart,
    ComparedChampion,
    Comparison,
    ReasonChanges,
    SliceComparison,
    Stability,
    State,
)
from assay.reports.evaluation import Evaluation, SliceResult
from assay.reports.rehearsal import (
    Parity,
    Rehearsal,
    RehearsedChampion,
    RehearsedNight,
    RehearsedNights,
    SliceFlips,
)
from assay.training.leakage.report import Check, Leakage, TableDigests, TableRowCounts

OURS = {"owner": "us", "because": "it must"}
Z = 1.959963984540054
"""Of a 95 % interval."""


def rule(name: str = "ranks", **values: Any) -> Any:
    """A rule of any kind, as params.yaml would give it."""
    return make_rule(name=name, **OURS, **values)


def gate(*rules: Any, **values: Any) -> Policy:
    """A policy of these rules, or of one that does not matter."""
    given = rules or (rule(metric="auc", min=0.5),)
    return Policy(tests="tests/model", rules=given, **values)


def changed(report: Any, **changes: Any) -> Any:
    """The same report but for some fields, whatever kind of record it is."""
    if isinstance(report, BaseModel):
        return report.model_copy(update=changes)
    return replace(report, **changes)


def share(hits: int, rows: int) -> Estimate:
    """Of so many of them, with Wilson's interval of independent rows."""
    if not rows:
        return Estimate(None, None, None, "no rows", few=True)
    found = hits / rows
    low, high = wilson_interval(found, rows, Z)
    return Estimate(found, min(low, found), max(high, found))


def place(
    value: str,
    found: Estimate | None,
    rows: int = 500,
    *,
    field: str = "origin",
    selected: int | None = 80,
    metric: str = "auc",
) -> SliceResult:
    """A slice, each row of it a unit; without a measurement one that was too small."""
    why = f"{rows} rows, fewer than 200" if found is None else None
    return SliceResult(
        field=field,
        value=value,
        rows=rows,
        units=rows,
        positives=10 if found is None else 100,
        selected=selected,
        selection_rate=None if selected is None else share(selected, rows),
        metrics=None if found is None else {metric: found},
        why=why,
    )


def evaluation(
    found: Estimate | None = None,
    *slices: SliceResult,
    metric: str = "auc",
    rows: int = 1000,
    task: Task = "binary",
    confidence: float = 0.95,
    unit: str = "row",
    units: int | None = None,
) -> Evaluation:
    """By row, unless it is said by what."""
    return Evaluation(
        task=task,
        name="tiny",
        candidate="prior",
        bundle="sha256:b",
        data="sha256:d",
        contract="sha256:c",
        rows=rows,
        unit=unit,
        units=rows if units is None else units,
        positives=rows // 3,
        selected=rows // 4,
        threshold=0.5,
        confidence=confidence,
        metrics={} if found is None else {metric: found},
        slices=slices,
    )


def difference(value: float | None, error: float | None = 0.01, **changes: Any) -> Difference:
    """Of a normal distribution; the champion's own value is 0.8."""
    known = value is not None and error is not None
    return replace(
        Difference(
            champion=0.8,
            challenger=None if value is None else 0.8 + value,
            value=value,
            standard_error=error,
            skew=0.0,
            degrees=None,
            low=value - Z * error if known else None,
            high=value + Z * error if known else None,
            method="DeLong",
            why=None if known else "only one class",
            design_effect=None,
            few=False,
            needed=None,
            doubt=None,
            worth=None,
        ),
        **changes,
    )


def compared_place(
    value: str, found: Difference | None, rows: int = 500, *, metric: str = "auc"
) -> SliceComparison:
    return SliceComparison(
        field="origin",
        value=value,
        rows=rows,
        units=rows,
        differences=None if found is None else {metric: found},
        why=f"{rows} rows, fewer than 200" if found is None else None,
    )


def comparison(
    found: Difference | None = None,
    *slices: SliceComparison,
    metric: str = "auc",
    rows: int = 1000,
    task: Task = "binary",
    stability: Stability | None = None,
    unit: str = "row",
    units: int | None = None,
) -> Comparison:
    """Of two models that could be compared; by row, unless it is said by what."""
    return Comparison(
        name="tiny",
        task=task,
        state="compared",
        why=None,
        challenger=Challenger(candidate="prior", bundle="sha256:b"),
        champion=ComparedChampion(version="v0.1.0", bundle="sha256:a"),
        data="sha256:d",
        contract="sha256:c",
        rows=rows,
        unit=unit,
        units=rows if units is None else units,
        confidence=0.95,
        differences={} if found is None else {metric: found},
        slices=slices,
        stability=stability or flips(20, 1000),
        reasons=ReasonChanges(
            whole=ChangedPart(rows=rows, units=rows, changed=share(rows // 50, rows)),
            parts={"hour": (0.6, 0.7), "day": (0.4, 0.3)},
        ),
    )


def flips(count: int, rows: int, distance: float = 0.05) -> Stability:
    """So many of the rows got another answer."""
    return Stability(distance=distance, flipped=share(count, rows), rows=count)


def alone(state: State, why: str = "no model holds the stage 'prod'") -> Comparison:
    """A comparison without numbers."""
    champion = None if state == "none" else ComparedChampion(version="v0.1.0", bundle="sha256:a")
    return changed(  # type: ignore[no-any-return]
        comparison(),
        state=state,
        why=why,
        champion=champion,
        differences=None,
        slices=(),
        stability=None,
        reasons=None,
    )


def rehearsal(**changes: Any) -> Rehearsal:
    return changed(  # type: ignore[no-any-return]
        Rehearsal(
            name="tiny",
            bundle="sha256:b",
            data="sha256:d",
            contract="sha256:c",
            rows=1000,
            tolerance=1e-9,
            parity=(parity(),),
            batch_rows=1000,
            latency_ms=4.0,
            memory_mb=120.0,
            bundle_mb=2.5,
            carrier_seconds=6.0,
            why=None,
        ),
        **changes,
    )


def parity(**changes: Any) -> Parity:
    return changed(  # type: ignore[no-any-return]
        Parity(carrier="files", rows=1000, differing=0, largest=0.0, seconds=1.0), **changes
    )


CHAMPION = RehearsedChampion(state="scored", version="v0.1.0", bundle="sha256:a", why=None)


def nights(*found: RehearsedNight, **changes: Any) -> RehearsedNights:
    """Rehearsed beside a champion, unless it is said otherwise."""
    return RehearsedNights(**{"champion": CHAMPION, "nights": found, "why": None, **changes})


def night(
    day: str = "2013-12-30",
    rows: int = 100,
    flipped: int | None = 5,
    slices: tuple[SliceFlips, ...] = (),
) -> RehearsedNight:
    """A night that both models scored."""
    return RehearsedNight(
        day=day, fingerprint="sha256:n", rows=rows, flipped=flipped, slices=slices
    )


def unread_night(day: str = "2013-12-31", why: str = "a column is missing") -> RehearsedNight:
    return RehearsedNight(day=day, why=why)


def leakage(**outcomes: str) -> Leakage:
    """A report in which every check is ok, but for those that are named.

    The best feature alone has an AUC of 0.7.
    """
    observed = {"ok": 0.0, "suspect": 0.5, "unknown": None}
    power = {"ok": 0.7, "suspect": 0.99, "unknown": None}
    checks = tuple(
        Check(
            check=name,
            outcome=outcomes.get(name, "ok"),  # type: ignore[arg-type]
            columns=(),
            observed=(power if name == "label_power" else observed)[outcomes.get(name, "ok")],
            limit=0.98 if name == "label_power" else 0.01,
            detail=f"{name} says so",
        )
        for name in LEAKAGE_CHECKS
    )
    return Leakage(
        name="tiny",
        contract="sha256:c",
        data=TableDigests(train="sha256:t", holdout="sha256:d"),
        rows=TableRowCounts(train=2000, holdout=1000),
        checks=checks,
    )


def contract(
    *, ok: bool = True, rows: int = 1000, bad_rows: int = 0, broken: tuple[str, ...] = ()
) -> ContractResult:
    """Of a few table rules."""
    return ContractResult(
        ok=ok,
        where="data/raw",
        rows=rows,
        bad_rows=bad_rows,
        max_bad_share=0.0,
        rules=tuple(
            RuleResult(
                rule=name,
                kind="table",
                broken=name in broken,
                rows_broken=0,
                share=0.0,
                expected="that it holds",
                found="that it does" if name not in broken else "that it does not",
            )
            for name in dict.fromkeys(("row_count", "unique_key", *broken))
        ),
    )
