"""Waivers: a finding with a waiver cannot block until the waiver expires.

A waiver never changes an outcome. It is shown with the finding, is part of the policy digest, and
is checked again at promotion.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from assay.errors import NotARepository
from assay.project.params.gate import GateParams, WaiverParams
from assay.reports import verdict
from assay.reports.verdict import Finding, Outcome

SLACK_SECONDS = 24 * 60 * 60
"""How far this machine's clock may be behind the newest commit."""

_ENDED = re.compile(r" \(its waiver ended on \d{4}-\d{2}-\d{2}\)$")
_RENEW = "Renew until under gate.waivers, or fix it."
_OR_RENEW = " Or renew until under gate.waivers."


def today() -> date:
    """Today's date in UTC, so that a waiver ends everywhere at the same time."""
    return datetime.now(UTC).date()


def apply_waivers(
    findings: Iterable[Finding], waivers: Sequence[WaiverParams], now: date
) -> tuple[Finding, ...]:
    """The findings, with a valid waiver attached to each that did not pass and is covered.

    Where the waiver has ended, the detail and the fix say so: once, however often they are given.
    """
    return tuple(_covered(without_ended(each), waivers, now) for each in findings)


def without_ended(finding: Finding) -> Finding:
    """The finding as it was before `apply_waivers` said that its waiver has ended."""
    detail = _ENDED.sub("", finding.detail)
    if detail == finding.detail or finding.fix is None:
        return finding.model_copy(update={"detail": detail})
    fix = None if finding.fix == _RENEW else finding.fix.removesuffix(_OR_RENEW)
    return finding.model_copy(update={"detail": detail, "fix": fix})


def waiver_findings(
    root: Path, gate: GateParams, findings: Sequence[Finding]
) -> tuple[Finding, ...]:
    """Findings about the waivers themselves.

    FAIL if the clock is behind the newest commit, because then expiry cannot be checked. A warning
    for a waiver that matches no finding, which is probably a typo.
    """
    if not gate.waivers:
        return ()
    found = []
    behind = _behind(root)
    if behind is not None:
        found.append(
            Finding(
                rule="the clock can tell whether a waiver has ended",
                kind="rule",
                outcome=Outcome.FAIL,
                detail=f"this machine's clock is {behind} s behind the newest commit: set it",
                owner="assay",
                because="a waiver ends on its day, whatever the clock says",
            )
        )
    for waiver in gate.waivers:
        if not any(waiver.covers(finding.rule, finding.slice) for finding in findings):
            name = waiver.rule + (f"[{waiver.slice}]" if waiver.slice else "")
            found.append(
                Finding(
                    rule="every waiver is of something that is there",
                    kind="rule",
                    outcome=Outcome.FAIL,
                    detail=f"nothing is called '{name}', which is waived",
                    severity="warn",
                    owner=waiver.owner,
                    because="a waiver of a name with a typo in it protects nothing",
                )
            )
    return tuple(found)


def _covered(finding: Finding, waivers: Sequence[WaiverParams], now: date) -> Finding:
    if finding.outcome is Outcome.PASS:
        return finding
    mine = [waiver for waiver in waivers if waiver.covers(finding.rule, finding.slice)]
    valid = [waiver for waiver in mine if not waiver.expired(now)]
    if valid:
        last = max(valid, key=lambda waiver: waiver.until)
        told = verdict.Waiver(because=last.because, owner=last.owner, until=last.until.isoformat())
        return finding.model_copy(update={"waiver": told})
    if mine:
        ended = max(waiver.until for waiver in mine)
        detail = f"{finding.detail} (its waiver ended on {ended})"
        fix = f"{finding.fix}{_OR_RENEW}" if finding.fix else _RENEW
        return finding.model_copy(update={"detail": detail, "fix": fix})
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
