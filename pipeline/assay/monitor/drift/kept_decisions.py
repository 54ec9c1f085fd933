"""Decisions about nights, kept from one command to the next.

Alarms over several nights depend on all nights before. To read a thousand profiles and compare
them anew takes longer than all else that a command does. A decision depends on the run that
published the night, on its bundle and on ``monitor`` in params.yaml, so what was decided once
holds as long as these are the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from assay.columns.break_limits import Break
from assay.monitor.drift.drift import DriftDecision, DriftFinding
from assay.project import layout
from assay.project.params import Monitor
from assay.project.textfile import write
from assay.store import RunRecord

KEPT = f"{layout.WORK}/decisions.json"
"""May be deleted at any time."""
FORM = 1
"""Grows whenever the same night would be decided otherwise: then old files count for nothing."""

_FINDING = tuple(each.name for each in fields(DriftFinding))
_DECISION = tuple(each.name for each in fields(DriftDecision) if each.name != "findings")


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision, and the run and the bundle that it is about."""

    run_id: str
    bundle: str
    decision: DriftDecision

    def is_about(self, record: RunRecord) -> bool:
        """Whether it is about this run."""
        return (self.run_id, self.bundle) == (record.run_id, record.bundle)


def read(root: Path, limits: Monitor) -> dict[str, KeptDecision]:
    """Night -> the decision about it under these limits. Empty if nothing usable is kept.

    What another Assay or anybody but `keep` wrote, or changed by hand, is not usable.
    """
    try:
        digest, body = (root / KEPT).read_text(encoding="utf-8").split("\n", 1)
        if digest != _digest(body, limits):
            return {}
        return {night: _of_plain(plain) for night, plain in json.loads(body).items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def keep(root: Path, limits: Monitor, decisions: Mapping[str, KeptDecision]) -> None:
    """Write all decisions. If that fails, the next command decides again."""
    body = json.dumps({night: _to_plain(each) for night, each in decisions.items()})
    with suppress(OSError):
        write(root / KEPT, f"{_digest(body, limits)}\n{body}")


def _digest(body: str, limits: Monitor) -> str:
    given = f"{version('assay')} {FORM}\n{limits!r}\n{body}"
    return hashlib.sha256(given.encode()).hexdigest()


def _to_plain(kept: KeptDecision) -> list[Any]:
    decision = kept.decision
    return [
        *(kept.run_id, kept.bundle),
        [getattr(decision, name) for name in _DECISION],
        [_finding_to_plain(each) for each in decision.findings],
    ]


def _finding_to_plain(finding: DriftFinding) -> list[Any]:
    plain = {name: getattr(finding, name) for name in _FINDING}
    plain["breaks"] = [(each.what, each.value, each.limit) for each in finding.breaks]
    return list(plain.values())


def _of_plain(plain: list[Any]) -> KeptDecision:
    run_id, bundle, decided, findings = plain
    decision = dict(zip(_DECISION, decided, strict=True))
    decision["reasons"] = tuple(decision["reasons"])
    decision["drifted"] = tuple(decision["drifted"])
    found = tuple(_finding_of_plain(each) for each in findings)
    return KeptDecision(run_id, bundle, DriftDecision(**decision, findings=found))


def _finding_of_plain(plain: list[Any]) -> DriftFinding:
    finding = dict(zip(_FINDING, plain, strict=True))
    finding["reasons"] = tuple(finding["reasons"])
    finding["breaks"] = tuple(Break(*each) for each in finding["breaks"])
    return DriftFinding(**finding)
