"""The gate's verdict, and how a finding came about."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from assay.cli import terminal
from assay.cli.result import lines, to_tree
from assay.cli.terminal import Line
from assay.gate.explain import ExplainedRule, RecordedName, RuleList
from assay.gate.stage import GateResult
from assay.gate.unchanged import ModelAnswer, Unchanged
from assay.gate.verdict_command import Access
from assay.gate.verdict_text import render_markdown
from assay.hosting.comment import VerdictComment
from assay.reports.raw_rows import RawRows
from assay.reports.verdict import Verdict


def gate_lines(result: GateResult) -> Iterator[Line]:
    """The verdict, after pytest's output where that helps to understand it."""
    if result.output is not None:
        yield result.output
    yield from _verdict(result.verdict)


def verdict_lines(verdict: Verdict | Unchanged) -> Iterator[Line]:
    """The verdict, or that there was nothing to judge."""
    if isinstance(verdict, Unchanged):
        yield f"gate: {verdict}"
    else:
        yield from _verdict(verdict)


def unchanged_lines(answer: ModelAnswer) -> Iterator[Line]:
    """Which promoted version the model is, or why it is to be judged."""
    if answer.unchanged is not None:
        yield f"gate: {answer.unchanged}"
        return
    against = f"; compared with {answer.against}" if answer.against else ""
    differs = f"{against}, these differ: {', '.join(answer.differs)}" if answer.differs else ""
    yield f"gate: the model is to be judged: it is not that of a promoted version{differs}"


def rows_lines(rows: RawRows) -> Iterator[Line]:
    """Where the rows come from."""
    yield rows.sentence


def comment_lines(comment: VerdictComment) -> Iterator[Line]:
    """The comment itself."""
    yield from comment.text.rstrip("\n").split("\n")


def access_lines(access: Access) -> Iterator[Line]:
    """Whether it can be judged, or what a maintainer types."""
    yield "gate: what it needs is here" if access.missing is None else f"gate: {access.error()}"


def _verdict(verdict: Verdict) -> Iterator[Line]:
    """The verdict as in verdict.md, and its outcome once more, where a terminal ends."""
    yield terminal.markdown(render_markdown(verdict, "terminal"))
    yield ""
    yield terminal.wrapped(
        f"{verdict.outcome}: {verdict.name}, candidate {verdict.candidate}, "
        f"{verdict.bundle[:19]}; {verdict.champion.description}"
    )


def explain_lines(explained: RuleList | ExplainedRule | RecordedName) -> Iterator[Line]:
    """All outcomes; or what one is asked and decided from, then each of its findings."""
    tree = to_tree(explained)
    if not isinstance(explained, RuleList):
        groups = "field,value,rows,selection_rate,false_positive_rate,false_negative_rate" + (
            f",metrics.{explained.rule.group_metric}"
            if isinstance(explained, ExplainedRule)
            else ""
        )
        findings = "outcome,slice,observed,low,high,limit,direction,champion,challenger,rows,units"
        yield from lines(
            tree,
            f"rule? name? kind? from correction? groups({groups})? "
            f"findings({findings},design_effect,units_needed,detail,waiver,waiver_ended)",
        )
        if isinstance(explained, ExplainedRule):
            yield from explained.rule.settings(explained.gate, explained.own_metrics)
        for each in explained.findings:
            if not each.decides:
                yield f"{each.outcome} does not decide: {each.exemption_reason}"
            if each.advice:
                yield f"next: {each.advice}"
        return
    yield from lines(tree, "rules? recorded?")
    named = [(each.rule.name, each) for each in explained.rules]
    every = [*named, *((each.name, each) for each in explained.recorded)]
    if not every:
        yield "params.yaml has no gate.rules"
        return
    asked = next((name for name, each in every if each.worst.blocks), every[0][0])
    yield f"How one came about: assay gate explain {shlex.quote(asked)}"
