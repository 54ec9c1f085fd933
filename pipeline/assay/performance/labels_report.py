"""The result of ``assay labels``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from assay.performance.measure import NightMeasurement
from assay.performance.take_labels import LabelCounts


@dataclass
class LabelsOutcome:
    """The result of one call of ``assay labels``.

    Attributes
    ----------
    absent
        Nights whose labels the input does not hold yet, and why.
    elsewhere
        Rows of the file that belong to none of the requested nights.
    measured
        Also nights that were not requested, but have reached a maturity since.
    unmeasured
        Such nights that could not be measured, and why.
    """

    taken: list[LabelCounts] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    elsewhere: int = 0
    measured: list[NightMeasurement] = field(default_factory=list)
    unmeasured: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "nights": [asdict(each) for each in self.taken],
            "absent": self.absent,
            "elsewhere": self.elsewhere,
            "measured": [each.tree() for each in self.measured],
            "unmeasured": self.unmeasured,
        }
