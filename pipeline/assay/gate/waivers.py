"""Waivers: a finding with a waiver cannot block until the waiver expires.

A waiver never changes an outcome. It is shown with the finding, is part of the policy digest, and
is checked again at promotion. It may end at most `MOST_DAYS` after the day it is used: what must
not block for longer is another rule, which is reviewed as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from assay.errors import NotAllowed, NotARepository
from assay.gate.rules.finding import own_finding
from assay.project import layout
from assay.project.params.behaviour import GateParams, WaiverParams
from assay.reports import verdict
from assay.reports.verdict import Finding, Outcome

MOST_DAYS = 90
"""The last day of a waiver is at most so far away."""

SLACK_SECONDS = 24 * 60 * 60
"""How far this machine's clock may be behind the newest commit."""


def today() -> date:
    """Today's date in UTC, so that a waiver ends everywhere at the same time."""
    return datetime.now(UTC).date()


def last_day(now: date) -> date:
    """The latest day that a waiver which is used ``now`` may end on."""
    return now + timedelta(days=MOST_DAYS)


def too_long(waivers: Sequence[WaiverParams], now: date) -> Iterator[str]:
    """A line for each waiver that ends later than `last_day`."""
    last = last_day(now)
    for number, waiver in enumerate(waivers):
        if waiver.until > last:
            yield (
                f"{layout.PARAMS}: gate.waivers[{number}].until: a waiver of '{waiver.rule}' for "
                f"too long, expected a day up to {last}, {MOST_DAYS} days from now, found "
                f"{waiver.until}. Renew it then, or change the rule in gate.rules"
            )


def not_allowed(root: Path, waivers: Sequence[WaiverParams]) -> Iterator[NotAllowed]:
    """An error for each waiver that holds today and whose owner may not waive a rule.

    The owner is whom params.yaml names; git knows who wrote that there.
    """
    from assay.registry import access

    held = [each for each in waivers if not each.expired(today())]
    policy = access.read_policy(root) if held else None
    for waiver in held:
        if policy and not policy.access.allows("waiver", waiver.owner):
            yield access.refusal(policy, "waiver", waiver.owner, f"waive '{waiver.rule}'")


def apply_waivers(
    findings: Iterable[Finding], waivers: Sequence[WaiverParams], now: date
) -> tuple[Finding, ...]:
    """The findings, with a valid waiver attached to each that did not pass and is covered.

    Where the waiver has ended, ``waiver_ended`` is its last day.
    """
    return tuple(_covered(each, waivers, now) for each in findings)


def waiver_findings(
    root: Path, gate: GateParams, findings: Sequence[Finding]
) -> tuple[Finding, ...]:
    """Findings about the waivers themselves.

    FAIL if the clock is behind the newest commit, because then expiry cannot be checked. A warning
    for a waiver that matches no finding, which is probably a typo.
    """
    if not gate.waivers:
        return ()
    about_waivers = []
    behind = _behind(root)
    if behind is not None:
        about_waivers.append(
            own_finding(
                "the clock can tell whether a waiver has ended",
                f"this machine's clock is {behind} s behind the newest commit: set it",
                "a waiver ends on its day, whatever the clock says",
            )
        )
    for waiver in gate.waivers:
        if not any(waiver.covers(finding.rule, finding.slice) for finding in findings):
            name = waiver.rule + (f"[{waiver.slice}]" if waiver.slice else "")
            about_waivers.append(
                own_finding(
                    "every waiver is of something that is there",
                    f"nothing is called '{name}', which is waived",
                    "a waiver of a name with a typo in it protects nothing",
                    severity="warn",
                    owner=waiver.owner,
                )
            )
    return tuple(about_waivers)


def _covered(finding: Finding, waivers: Sequence[WaiverParams], now: date) -> Finding:
    if finding.outcome is Outcome.PASS:
        return finding
    mine = [waiver for waiver in waivers if waiver.covers(finding.rule, finding.slice)]
    valid = [waiver for waiver in mine if not waiver.expired(now)]
    if valid:
        last = max(valid, key=lambda waiver: waiver.until)
        given = verdict.Waiver(because=last.because, owner=last.owner, until=last.until.isoformat())
        return finding.model_copy(update={"waiver": given})
    if mine:
        ended = max(waiver.until for waiver in mine).isoformat()
        return finding.model_copy(update={"waiver_ended": ended})
    return finding


def _behind(root: Path) -> int | None:
    """Seconds by which the clock is behind the newest commit; None if within `SLACK_SECONDS`."""
    from assay.registry import git

    try:
        newest = git.head_time(root)
    except NotARepository:
        return None  # no commit to compare the clock with
    behind = newest - int(datetime.now(UTC).timestamp())
    return behind if behind > SLACK_SECONDS else None
