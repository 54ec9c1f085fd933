"""What a call of ``assay labels`` did, for people and as a document."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from assay.monitor.performance.measure import Measurement
from assay.monitor.performance.take_labels import Taken
from assay.project.tasks import METRICS


@dataclass
class Outcome:
    """What a call of ``assay labels`` did.

    Attributes
    ----------
    absent
        Nights whose truths the input does not hold yet, and why.
    elsewhere
        Rows of the file that are of no night that was asked for.
    measured
        Also nights that were not asked for, but reached a maturity since.
    unmeasured
        Such nights that could not be measured, and why.
    """

    taken: list[Taken] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    elsewhere: int = 0
    measured: list[Measurement] = field(default_factory=list)
    unmeasured: dict[str, str] = field(default_factory=dict)

    def tree(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "nights": [asdict(each) for each in self.taken],
            "absent": self.absent,
            "elsewhere": self.elsewhere,
            "measured": [each.tree() for each in self.measured],
            "unmeasured": self.unmeasured,
        }


def tell(outcome: Outcome) -> None:
    """Print it for people."""
    for each in outcome.taken:
        facts = {
            "new": each.new,
            "corrected": each.corrected,
            "rows without a truth yet": each.untold,
            "rows without their key": each.keyless,
            "of refused rows": each.quarantined,
            "of keys that the night does not know": each.unknown,
        }
        shown = ", ".join(f"{count:,} {what}" for what, count in facts.items() if count)
        print(f"labels: {each.partition}: {each.truths:,} truths ({shown or 'nothing new'})")
    for night, why in outcome.absent.items():
        print(f"labels: {night}: none yet ({why})")
    if outcome.elsewhere:
        print(f"labels: {outcome.elsewhere:,} rows are of other nights and were left alone")
    for measured in outcome.measured:
        _tell_measured(measured)
    for night, why in outcome.unmeasured.items():
        print(f"labels: {night} could not be measured: {why}")


def _tell_measured(measured: Measurement) -> None:
    night = measured.record.partition
    if not measured.maturities:
        print(f"labels: {night}: no maturity reached yet, so nothing was measured")
    for each in measured.maturities:
        wanted = {name for names in METRICS.values() for name in names[:1]}
        number = next(n for n in each.numbers if not n.slice and n.metric in wanted)
        value = "no value" if number.value is None else f"{number.value:.3f}"
        days = "1 day" if each.days == 1 else f"{each.days} days"
        between = "" if number.low is None else f" ({number.low:.3f} to {number.high:.3f})"
        print(
            f"labels: {night} after {days}: {number.metric} {value}{between}, "
            f"{number.labelled_share:.1%} of {measured.rows:,} rows labelled"
            + ("" if each.final else "; may change until the day is over")
        )
    if measured.no_slices:
        print(f"labels: {night}: slices that need the input are missing: {measured.no_slices}")
