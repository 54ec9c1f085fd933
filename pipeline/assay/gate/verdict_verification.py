"""Verify a verdict against the reports of its commit by evaluating every rule again. Pure.

Behaviours and model tests cannot be repeated from reports. For a behaviour, its number is compared
with its limit. For a model test, the verdict is the only evidence, so its bytes must match
dvc.lock. Waivers are compared with params.yaml.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import fields

from assay.errors import AssayError
from assay.gate import provenance, verdict_text
from assay.gate.inputs import GateInputs, Source
from assay.gate.provenance import InputDigests
from assay.gate.rules import kinds
from assay.project.params import Params
from assay.project.params.behaviour import Behaviour
from assay.reports.verdict import COUNT, Finding, ModelTests, Outcome, Verdict, Waiver

_NOT_COMPARED = {"detail", "fix", "waiver", "waiver_ended", "severity"}
"""Fields of a rule's finding that are words, are of params.yaml, or are compared before."""

_CLOSE = 1e-9
"""Tolerance: two machines may differ in the last digits of a number from the same report."""


def find_discrepancies(
    recorded: Verdict,
    source: Source,
    params: Params,
    former: Verdict | None,
    least: Callable[[], int],
) -> tuple[str, ...]:
    """Disagreements between the verdict and the reports, params.yaml or verdict.md.

    Parameters
    ----------
    source
        Reads reports at the verdict's commit.
    params
        The parameters at that commit.
    former
        The champion's verdict, None if there is none.
    least
        Which challenger on its holdout the bundle is at least, by the history of the commit
        (`assay.gate.holdout_history.least_place`).

    Returns
    -------
    One sentence per disagreement; empty if the verdict is confirmed.
    """
    try:
        return tuple(_problems(recorded, source, params, former, least()))
    except AssayError as error:
        return (f"it cannot be decided again: {error.line()}",)


def _problems(
    recorded: Verdict, source: Source, params: Params, former: Verdict | None, least: int
) -> Iterator[str]:
    # Comparing the verdict's digests with the current files is left to the caller.
    about = InputDigests(
        **{each.name: getattr(recorded, each.name) or "" for each in fields(InputDigests)}
    )
    # Of two that were asked at the same time, the one that is merged last is held to more.
    inputs = GateInputs(source, challenger=max(recorded.holdout.challenger, least))
    champion = provenance.judged_champion(inputs)
    if champion != recorded.champion:
        yield (
            f"it was held against {recorded.champion.description}, "
            f"the comparison: {champion.description}"
        )
    for what, said, told in (
        ("candidate", recorded.candidate, inputs.evaluation.candidate),
        ("types", recorded.types, inputs.evaluation.types),
        ("confidence", recorded.holdout.confidence, inputs.evaluation.confidence),
    ):
        if said != told:
            yield f"its {what} is {said}, the evaluation's {told}"
    yield from _rules(
        recorded,
        (
            *provenance.mismatch_findings(inputs, params, about, about),
            *kinds.evaluate_rules(inputs, kinds.read_policy(params, read=inputs.own_code)),
            *provenance.champion_findings(inputs),
        ),
    )
    yield from _behaviours(recorded, params.gate.behaviour)
    yield from _tests(recorded, former)
    for finding in recorded.findings:
        given = [
            Waiver(because=each.because, owner=each.owner, until=each.until.isoformat())
            for each in params.gate.waivers
            if each.covers(finding.rule, finding.slice)
        ]
        if finding.waiver is not None and finding.waiver not in given:
            yield f"'{finding.title}' is waived in it, and not in params.yaml"
    if source(verdict_text.MARKDOWN, "gate") != verdict_text.render_markdown(recorded):
        yield f"{verdict_text.MARKDOWN} says something else than it"


def _rules(recorded: Verdict, decided: tuple[Finding, ...]) -> Iterator[str]:
    """Compare the findings of rules, matched by title in order."""
    recorded_rules: dict[str, list[Finding]] = {}
    for finding in recorded.findings:
        if finding.kind == "rule":
            recorded_rules.setdefault(finding.title, []).append(finding)
    for finding in decided:
        mine = recorded_rules.get(finding.title)
        if not mine:
            yield f"'{finding.title}' is missing in it; the reports say {_words(finding)}"
            continue
        yield from _differences(mine.pop(0), finding)
    for finding in (each for left in recorded_rules.values() for each in left):
        # The gate's own findings, which are not in params.yaml, are never PASS.
        if finding.outcome is Outcome.PASS:
            yield f"'{finding.title}' is no rule of params.yaml"


def _differences(said: Finding, told: Finding) -> Iterator[str]:
    if said.outcome is not told.outcome:
        yield f"'{said.title}' is {said.outcome} in it; the reports say {_words(told)}"
        return
    if said.severity != told.severity:
        yield f"'{said.title}' is a {said.severity} in it and a {told.severity} in params.yaml"
    for name in (each for each in Finding.model_fields if each not in _NOT_COMPARED):
        was, now = getattr(said, name), getattr(told, name)
        if not _equal(was, now):
            yield f"'{said.title}' has {name} {_short(was)} in it; the reports say {_short(now)}"


def _behaviours(recorded: Verdict, asked: tuple[Behaviour, ...]) -> Iterator[str]:
    said = {each.rule: each for each in recorded.findings if each.kind == "behaviour"}
    for spec in asked:
        finding = said.pop(spec.name, None)
        if finding is None:
            yield f"the behaviour '{spec.name}' is missing in it"
            continue
        for name, was, now in (
            ("severity", finding.severity, spec.severity),
            ("limit", finding.limit, spec.max_failed),
            ("direction", finding.direction, "max"),
            ("owner", finding.owner, spec.owner),
            ("because", finding.because, spec.because),
            ("tolerated", finding.tolerated, False),
        ):
            if was != now:
                yield f"'{spec.name}' has {name} {_short(was)} in it, {_short(now)} in params.yaml"
        observed = finding.observed
        kept = observed is not None and observed <= spec.max_failed
        if finding.outcome is Outcome.PASS and not kept:
            yield (
                f"'{spec.name}' is PASS in it with {_short(observed)} of rows that fail, "
                f"of {spec.max_failed} allowed"
            )
    for name in said:
        yield f"'{name}' is no behaviour of params.yaml"


def _tests(recorded: Verdict, former: Verdict | None) -> Iterator[str]:
    tests = [each for each in recorded.findings if each.kind == "test"]
    if not tests:
        yield "there is no model test in it"
    for each in (each for each in tests if "::" in each.rule):
        if each.severity != "block":
            yield f"'{each.title}' is a {each.severity} in it, and no model test is"
        if each.tolerated and recorded.champion.state != "none":
            yield f"'{each.title}' is tolerated in it, although there is a champion"
    yield from _counts(recorded, former)


def _counts(recorded: Verdict, former: Verdict | None) -> Iterator[str]:
    """Recount the tests that were collected, that ran, and that the champion had."""
    told, said = ModelTests.count(recorded.findings, former), recorded.tests
    if said is None:
        if told.collected:
            yield f"it has no count of tests; its findings hold {told.collected}"
        return
    for name in ("collected", "ran"):
        was, now = getattr(said, name), getattr(told, name)
        if was != now:
            yield f"tests.{name} is {was} in it, and its findings hold {now}"
    before = told.champion
    if said.champion != before:
        if recorded.champion.state == "none":
            why = "although there is no champion"
        elif before is None:
            why = "and no verdict on the champion's bundle can be had from its commit"
        else:
            why = f"and the champion's verdict holds {before}"
        yield f"tests.champion is {said.champion} in it, {why}"
    if before is not None and told.collected < before:
        counted = ((each.metric, each.observed, each.limit) for each in recorded.findings)
        if (COUNT, told.collected, before) not in counted:
            now = told.collected
            yield f"it does not warn of {now} model tests where the champion had {before}"


def _equal(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE)
    return one == other


def _words(finding: Finding) -> str:
    return f"{finding.outcome}: {finding.detail}"


def _short(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
