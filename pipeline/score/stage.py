"""Score one night or a range of nights in one Spark session."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.params import Params
from pipeline.score.pin import pin
from pipeline.score.run import RunReport, score_night
from pipeline.score.spark_session import session
from pipeline.store import open_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def nights(first: str, last: str) -> list[str]:
    """Every day from ``first`` to ``last``, both included.

    Raises
    ------
    UsageError
        One of them is no date, or they are the wrong way round.
    """
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as error:
        raise UsageError(
            "not a day",
            where="--date, --from or --to",
            expected="a date such as 2013-07-01",
            found=str(error).rpartition(": ")[2],
        ) from None
    if end < start:
        raise UsageError("--to lies before --from", expected=f"{first} or later", found=last)
    return [str(start + timedelta(days=offset)) for offset in range((end - start).days + 1)]


def run(
    root: Path, params: Params, first: str, last: str, as_json: bool = False
) -> list[RunReport]:
    """Score the nights from ``first`` to ``last`` with what is promoted now.

    The version is resolved once for all of them. The first night that cannot be published
    ends the command; those before it stay published.
    """
    wanted = nights(first, last)
    pinned = pin(root, params)
    store = open_store(root, params)
    reports: list[RunReport] = []
    with ExitStack() as at_the_end:

        @cache
        def spark() -> SparkSession:
            _say("score: starting Spark")
            started = session(params, root)
            at_the_end.callback(started.stop)
            return started

        at_the_end.callback(_show, reports, params.store, as_json)
        for number, night in enumerate(wanted, start=1):
            _say(f"score: night {night} ({number} of {len(wanted)}), {pinned.version.version}")
            reports.append(score_night(params, root, pinned, store, spark, night))
    return reports


def _show(reports: Sequence[RunReport], store: str, as_json: bool) -> None:
    """What was published, also when a later night could not be."""
    if as_json:
        print(json.dumps([report.to_dict() for report in reports]))
    elif reports:
        _table(reports, store)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _table(reports: Sequence[RunReport], store: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="scored", title_justify="left")
    for name in ("night", "read", "scored", "quarantined", "mean", "seconds", "version", "run"):
        numeric = name in {"read", "scored", "quarantined", "mean", "seconds"}
        table.add_column(name, justify="right" if numeric else "left", no_wrap=True)
    for report in reports:
        mean = report.mean_probability
        table.add_row(
            report.partition,
            f"{report.rows_read:,}",
            f"{report.rows_scored:,}",
            f"{report.rows_quarantined:,}",
            "" if mean is None else f"{mean:.3f}",
            f"{report.seconds:.1f}",
            report.version,
            report.run_id,
        )
    if len(reports) > 1:
        table.add_section()
        table.add_row(
            f"{len(reports)} nights",
            f"{sum(report.rows_read for report in reports):,}",
            f"{sum(report.rows_scored for report in reports):,}",
            f"{sum(report.rows_quarantined for report in reports):,}",
            "",
            f"{sum(report.seconds for report in reports):.1f}",
        )
    Console(width=120 if not sys.stdout.isatty() else None).print(table)
    for rule, count in sorted(_broken(reports).items(), key=lambda item: -item[1]):
        print(f"quarantined: {count:,} rows broke '{rule}'")
    print(f"published to {store}/predictions")


def _broken(reports: Sequence[RunReport]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for report in reports:
        for rule, count in report.broken.items():
            totals[rule] = totals.get(rule, 0) + count
    return totals
