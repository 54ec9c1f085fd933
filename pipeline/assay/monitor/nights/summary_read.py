"""A night's document, read back with suspicion: it may have been edited or cut short since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from assay.columns.breaks import Break
from assay.monitor.drift.baselines import Weekday
from assay.monitor.drift.drift import Decision, Finding
from assay.monitor.nights.standing import WORDS, Stand, Standing, stand
from assay.monitor.nights.summary import MEASURED, SCHEMA, NightSummary
from assay.monitor.performance.label_drift import LabelDrift
from assay.project.jsonfile import Node, once
from assay.project.params import Monitor

_TEXTS = ("name", "partition", "run_id", "version", "bundle", "contract", "scored_at", "page")
_COUNTS = ("rows_read", "rows_scored", "rows_quarantined", "sample_rows")
_LIMITS = ("max_drifted_share", "max_null_share_change", "max_new_category_share")
_FLAGS = ("drifted", "crossed", "decisive")
_NUMBERS = (
    *("distance", "limit", "psi", "null_share", "null_share_change", "null_share_limit"),
    *("new_category_share", "total_variation", "wasserstein", "effect"),
)
_LATER = ("ks", "wasserstein_limit", "break_limit", "ks_break_limit", "null_break_limit")


def from_json(text: str, limits: Monitor) -> NightSummary:
    """What `NightSummary.to_json` wrote.

    Parameters
    ----------
    limits
        Of the project; those that the document names take the place of theirs.

    Raises
    ------
    ValueError
        ``text`` is anything else.
    """
    tree = Node(json.loads(text, object_pairs_hook=once), "")
    tree.schema(SCHEMA)
    given, rules = tree.node("limits"), tree.node("broken_rules")
    facts: dict[str, Any] = {name: tree.text(name) for name in _TEXTS}
    facts |= {name: tree.count(name) for name in _COUNTS}
    facts["stand"] = stand_of(tree) or stand("published", tree.flag("crossed"))
    return NightSummary(
        **facts,
        limits=limits.model_copy(update={name: given.number(name) for name in _LIMITS}),
        decision=Decision(
            crossed=tree.flag("crossed"),
            reasons=tree.texts("reasons"),
            rows=tree.count("rows_scored"),
            drifted=tree.texts("drifted"),
            features=tree.count("features"),
            quantile=given.number("quantile"),
            nights=given.count("nights"),
            findings=tuple(_finding(node) for node in tree.nodes("findings")),
        ),
        in_alarm=in_alarm_of(tree),
        weekday=_weekday(tree.node("weekday")),
        label=_label(tree.maybe_node("label")),
        broken_rules={name: rules.count(name) for name in rules.tree},
        performance=tuple(_measured(node) for node in tree.nodes("performance")),
    )


def stand_of(tree: Node) -> Stand | None:
    """Where a document says that its night stands; None in one of an older Assay."""
    if "standing" not in tree.tree:
        return None
    return Stand(cast(Standing, tree.one_of("standing", *WORDS)), tree.texts("incidents"))


def in_alarm_of(tree: Node) -> tuple[str, ...] | None:
    """The columns in alarm; None if nobody looked at the night together with those before."""
    return None if tree.tree.get("in_alarm") is None else tree.texts("in_alarm")


def _finding(node: Node) -> Finding:
    found: dict[str, Any] = {name: node.flag(name) for name in _FLAGS}
    found |= {name: node.maybe_number(name) for name in _NUMBERS}
    # What documents of earlier versions lack.
    found |= {name: node.maybe_number(name) for name in _LATER if name in node.tree}
    if "breaks" in node.tree:
        found["breaks"] = tuple(
            Break(each.text("what"), each.number("value"), each.number("limit"))
            for each in node.nodes("breaks")
        )
    return Finding(column=node.text("column"), reasons=node.texts("reasons"), **found)


def _weekday(node: Node) -> Weekday:
    distances = node.node("distances")
    return Weekday(
        node.texts("nights"),
        {name: distances.maybe_number(name) for name in distances.tree},
        str(node.get("none")),
    )


def _label(node: Node | None) -> LabelDrift | None:
    if node is None:
        return None
    shares = ("limit", "psi", "total_variation", "wasserstein")
    return LabelDrift(
        maturity_days=node.count("maturity_days"),
        rows=node.count("rows"),
        labelled_share=node.number("labelled_share"),
        distance=node.number("distance"),
        **{name: node.maybe_number(name) for name in shares},
    )


def _measured(node: Node) -> Mapping[str, Any]:
    found: dict[str, Any] = {"metric": node.text("metric"), "estimated": node.flag("estimated")}
    found |= {name: node.maybe_number(name) for name in ("value", "low", "high", "labelled_share")}
    for name in ("maturity_days", "rows"):
        found[name] = None if node.get(name) is None else node.count(name)
    # Documents of earlier versions do not have these two.
    found["trusted"] = node.flag("trusted") if node.tree.get("trusted") is not None else None
    found["why"] = node.maybe_text("why")
    return {name: found[name] for name in MEASURED}
