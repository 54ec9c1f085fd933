"""What a team knows to have happened to its nights, from the answers of the commands it called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.life.nights import Delivery

Status = Literal["published", "held", "failed", "absent", "retracted", "unfinished", "missing"]


@dataclass
class NightLine:
    """One night.

    Attributes
    ----------
    delivery
        What its input was delivered as the last time.
    visible
        The run that readers must see; None if nothing may be seen.
    before
        Runs that were visible before, the last one at the end, to which a retraction goes back.
    held
        The run that waits for a person, if any.
    taken_back
        Whether somebody took its scores back, and no run came to scores since.
    last
        How its last attempt ended.
    failures
        How many of its attempts failed.
    reads
        Run -> rows that it says it read, scored and refused.
    bundles
        Run -> the bundle that held the stage when it began.
    """

    delivery: Delivery = "none"
    visible: str | None = None
    before: list[str] = field(default_factory=list)
    held: str | None = None
    taken_back: bool = False
    last: Status = "missing"
    failures: int = 0
    reads: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    bundles: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        """What everybody must be told of the night."""
        return "published" if self.visible is not None else self.last

    @property
    def waits(self) -> Status | None:
        """``held`` or ``retracted`` if a person has to decide what happens next."""
        if self.last == "held":
            return "held"
        return "retracted" if self.taken_back and self.visible is None else None

    def publish(self, run_id: str) -> None:
        if self.visible is not None and self.visible != run_id:
            self.before.append(self.visible)
        self.visible, self.last, self.taken_back = run_id, "published", False


class Ledger:
    """The nights by their names."""

    def __init__(self) -> None:
        self.nights: dict[str, NightLine] = {}

    def __getitem__(self, night: str) -> NightLine:
        return self.nights.setdefault(night, NightLine())

    def deliver(self, night: str, delivery: Delivery) -> None:
        self[night].delivery = delivery

    def add_outcomes(self, outcomes: Iterable[Mapping[str, Any]], champion: str) -> None:
        """Add what `assay score --json` says of each night, while this bundle held the stage."""
        for each in outcomes:
            line = self[each["partition"]]
            match each["outcome"]:
                case "published":
                    line.publish(each["run_id"])
                    counts = ("rows_read", "rows_scored", "rows_quarantined")
                    read, scored, refused = (int(each[name]) for name in counts)
                    line.reads[each["run_id"]] = read, scored, refused
                    line.bundles[each["run_id"]] = champion
                    line.held = None
                case "held":
                    line.last, line.taken_back = "held", False
                    line.held = each["error"].split(", run ")[1].split(":")[0]
                case "failed":
                    line.last = "failed"
                    line.failures += 1
                    line.held = None
                case "absent" if line.last == "missing":  # which is recorded once
                    line.last = "absent"
                    line.failures += 1

    def released(self, run_id: str) -> None:
        (line,) = (each for each in self.nights.values() if each.held == run_id)
        line.publish(run_id)
        line.held = None

    def retracted(self, run_id: str, answer: Mapping[str, Any]) -> None:
        (line,) = (each for each in self.nights.values() if each.visible == run_id)
        line.visible = line.before.pop() if line.before else None
        line.taken_back = True
        if line.held is None:  # else a person has a run to release, whatever became of others
            line.last = "retracted"

    def known(self) -> list[str]:
        """Nights of which something was tried, and those between them, in order."""
        tried = [night for night, line in self.nights.items() if line.last != "missing"]
        if not tried:
            return []
        return [night for night in sorted(self.nights) if min(tried) <= night <= max(tried)]

    def visible(self) -> list[str]:
        """The nights that readers see, in order."""
        return [night for night in sorted(self.nights) if self.nights[night].visible]

    def delivered(self) -> bool:
        """Whether there is input of any night."""
        return any(line.delivery != "none" for line in self.nights.values())

    def untried(self) -> list[str]:
        """The nights with input since the first that was published or held, which nobody tried."""
        first = min([*self.visible(), *self.waiting()], default="9999")
        return [
            night
            for night, line in sorted(self.nights.items())
            if first <= night and line.delivery != "none" and line.last == "missing"
        ]

    def waiting(self) -> list[str]:
        """The nights with a run that waits for a person, in order."""
        return [night for night in sorted(self.nights) if self.nights[night].held]

    def begun(self) -> bool:
        """Whether a schedule knows by itself which nights are due."""
        return bool(self.visible() or self.waiting())
