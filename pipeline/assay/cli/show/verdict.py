"""The gate's verdict, and the backtest of the policy on earlier versions."""

from __future__ import annotations

from collections.abc import Iterator

from assay.cli import terminal
from assay.cli.terminal import Line
from assay.gate.backtest import Backtest, ReplayedVerdict
from assay.gate.stage import GateResult
from assay.gate.unchanged import ModelAnswer, Unchanged
from assay.gate.verdict_command import Access
from assay.gate.verdict_text import render_markdown
from assay.hosting.comment import VerdictComment
from assay.reports.raw_rows import RawRows
from assay.reports.verdict import Verdict


def gate_lines(found: GateResult) -> Iterator[Line]:
    """The verdict, after pytest's output where that helps to understand it."""
    if found.output is not None:
        yield found.output
    yield from lines(found.verdict)


def verdict_lines(found: Verdict | Unchanged) -> Iterator[Line]:
    """The verdict, or that there was nothing to judge."""
    if isinstance(found, Unchanged):
        yield f"gate: {found}"
    else:
        yield from lines(found)


def unchanged_lines(found: ModelAnswer) -> Iterator[Line]:
    """Which promoted version the model is, or why it is to be judged."""
    if found.unchanged is not None:
        yield f"gate: {found.unchanged}"
        return
    against = f"; compared with {found.against}" if found.against else ""
    differs = f"{against}, these differ: {', '.join(found.differs)}" if found.differs else ""
    yield f"gate: the model is to be judged: it is not that of a promoted version{differs}"


def rows_lines(found: RawRows) -> Iterator[Line]:
    """Where the rows come from."""
    yield found.sentence


def access_lines(found: Access) -> Iterator[Line]:
    """Whether it can be judged, or what a maintainer types."""
    yield "gate: what it needs is here" if found.missing is None else f"gate: {found.error()}"


def lines(verdict: Verdict) -> Iterator[Line]:
    """The verdict as in verdict.md, and its outcome once more, where a terminal ends."""
    from rich.text import Text

    yield terminal.markdown(render_markdown(verdict, "terminal"))
    yield ""
    yield Text(
        f"{verdict.outcome}: {verdict.name}, candidate {verdict.candidate}, "
        f"{verdict.bundle[:19]}; {verdict.champion.description}"
    )


def comment_text_lines(found: VerdictComment) -> Iterator[Line]:
    """The comment itself."""
    yield from found.text.rstrip("\n").split("\n")


def comment_lines(found: VerdictComment) -> Iterator[Line]:
    """What became of the comment."""
    yield f"{found.name}: {found.outcome or 'no verdict'}"
    if found.pull_request is not None and found.posted != "none":
        yield f"comment on pull request {found.pull_request}: {found.posted}"
    if found.summary:
        yield "added to the run's summary"


def backtest_lines(found: Backtest) -> Iterator[Line]:
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


def _reasons(replayed: ReplayedVerdict) -> Iterator[str]:
    if replayed.problem:
        yield replayed.problem
    for each in replayed.flipped:
        yield f"{each.outcome} {each.title}: {each.statement}"
    for each in replayed.dropped:
        yield f"no longer asked: {each.title}, which was {each.outcome}"
