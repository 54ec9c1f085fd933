"""Read a night's status from its document, without the rest of its summary.

Reading many documents takes no more than this, and loads neither pandas nor SciPy.
"""

from __future__ import annotations

from typing import cast

from assay.monitor.nights.night_status import WORDS, MonitoringStatus, StatusName
from assay.project.jsonfile import JsonNode


def parse_status(tree: JsonNode) -> MonitoringStatus | None:
    """The status in a document; None in a document of an older Assay."""
    if "standing" not in tree.tree:
        return None
    return MonitoringStatus(
        cast(StatusName, tree.one_of("standing", *WORDS)), tree.texts("incidents")
    )


def parse_alarm_columns(tree: JsonNode) -> tuple[str, ...] | None:
    """The columns in alarm; None if the night was not judged with the nights before it."""
    return None if tree.tree.get("in_alarm") is None else tree.texts("in_alarm")
