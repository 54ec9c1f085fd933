"""Read and validate a night's document, which may have been edited or truncated."""

from __future__ import annotations

import json

from assay.columns.break_limits import Break
from assay.monitor.drift.baselines import WeekdayDistances
from assay.monitor.drift.drift import DriftDecision, DriftFinding
from assay.monitor.nights.night_status import decide_status
from assay.monitor.nights.status_read import parse_status
from assay.monitor.nights.summary import NightSummary
from assay.monitor.performance.label_drift import LabelDrift
from assay.project.jsonfile import JsonNode, reject_duplicate_keys
from assay.project.params import Monitor
from assay.reports.night import ColumnFinding, MaturedLabelDrift, NightDocument


def parse_summary(text: str, limits: Monitor) -> NightSummary:
    """Parse what `NightSummary.to_json` wrote.

    Parameters
    ----------
    limits
        The project's limits. Those that the document states override them.

    Raises
    ------
    ValueError
        ``text`` is anything else.
    """
    tree = json.loads(text, object_pairs_hook=reject_duplicate_keys)
    found = NightDocument.of_tree(tree)
    given, label = found.limits, found.label
    told = {
        "max_drifted_share": given.max_drifted_share,
        "max_null_share_change": given.max_null_share_change,
        "max_new_category_share": given.max_new_category_share,
    }
    return NightSummary(
        name=found.name,
        partition=found.partition,
        run_id=found.run_id,
        version=found.version,
        bundle=found.bundle,
        contract=found.contract,
        scored_at=found.scored_at,
        rows_read=found.rows_read,
        rows_scored=found.rows_scored,
        rows_quarantined=found.rows_quarantined,
        sample_rows=found.sample_rows,
        page=found.page,
        limits=limits.model_copy(update=told),
        decision=DriftDecision(
            crossed=found.crossed,
            reasons=found.reasons,
            rows=found.rows_scored,
            drifted=found.drifted,
            features=found.features,
            quantile=given.quantile,
            nights=given.nights,
            findings=tuple(_finding(each) for each in found.findings),
        ),
        stand=parse_status(JsonNode(tree, "")) or decide_status("published", found.crossed),
        in_alarm=found.in_alarm,
        weekday=WeekdayDistances(found.weekday.nights, found.weekday.distances, found.weekday.none),
        label=None if label is None else _label(label),
        broken_rules=found.broken_rules,
        performance=tuple(dict(each) for each in found.performance),
    )


def _finding(found: ColumnFinding) -> DriftFinding:
    return DriftFinding(**{**dict(found), "breaks": tuple(Break(**dict(b)) for b in found.breaks)})


def _label(found: MaturedLabelDrift) -> LabelDrift:
    return LabelDrift(**{name: value for name, value in dict(found).items() if name != "drifted"})
