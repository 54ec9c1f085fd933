"""What the policy would have said of earlier versions."""

from __future__ import annotations

from collections.abc import Iterator

from assay.gate.backtest import Backtest, Replay
from assay.pages.terminal import Line


def lines(found: Backtest) -> Iterator[Line]:
    """A row for each version, and how many verdicts flip."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    if not found.versions:
        yield Text(f"{found.name}: no version yet, so there is nothing to test the policy on.")
        return
    table = Table(
        title=f"Versions of {found.name} under the policy in params.yaml",
        box=box.SIMPLE,
        title_justify="left",
    )
    for heading in ("version", "date", "its verdict", "the policy says", "because of"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("version", "date"))
    for each in found.versions:
        now = "cannot be told" if each.now is None else str(each.now)
        style = "bold" if each.flips else ""
        table.add_row(
            each.version,
            each.at,
            "none" if each.before is None else str(each.before),
            Text(now, style=style),
            Text("\n".join(_reasons(each))),
        )
    yield table
    flips = sum(each.flips for each in found.versions)
    untold = sum(each.now is None for each in found.versions)
    more = f" {untold} cannot be told." if untold else ""
    yield Text(f"{flips} of {len(found.versions)} verdicts flip.{more}")


def _reasons(replayed: Replay) -> Iterator[str]:
    if replayed.problem:
        yield replayed.problem
    for each in replayed.flipped:
        yield f"{each.outcome} {each.title}: {each.detail}"
    for each in replayed.dropped:
        yield f"no longer asked: {each.title}, which was {each.outcome}"
