"""What must hold after whatever a team did; a law reads what people read."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.life.ledger import Status
from tests.life.world import World

WORDS: dict[Status, str] = {
    "held": "held",
    "failed": "failed",
    "absent": "due, no input",
    "retracted": "taken back",
    "unfinished": "started, never ended",
    "missing": "no run",
}
"""Status of a night that readers do not see -> its words on the front page."""

ROW = re.compile(
    r'<tr id="night-(?P<night>[^"]*)">.*?<td class="last">(?P<words>.*?)</td>'
    r'.*?<td class="words own">(?P<note>.*?)</td></tr>',
    re.DOTALL,
)


@dataclass
class Seen:
    """What people see of a world now; each part is read once."""

    world: World

    @cached_property
    def status(self) -> dict[str, Any]:
        found = self.world.assay("status", "--json")
        assert found.code == 0, f"status fails: {found}"
        return dict(found.document)

    @cached_property
    def front(self) -> dict[str, tuple[str, str]]:
        """Night -> its words and its note on the front page."""
        page = self.world.root / "reports" / "index.html"
        text = page.read_text(encoding="utf-8") if page.exists() else ""
        return {
            each["night"]: (each["words"].strip(), html.unescape(each["note"]))
            for each in ROW.finditer(text)
        }

    @cached_property
    def shown(self) -> dict[str, str]:
        """Night -> the run that readers see."""
        return dict(self.world.store.visible_runs())

    def history(self, night: str) -> dict[str, Any] | None:
        found = self.world.assay("night", "history", "--date", night, "--json")
        return None if found.code else dict(found.document)

    @cached_property
    def open_nights(self) -> list[tuple[str, str]]:
        """The first and the last night of each open incident about runs."""
        alerts = self.world.assay("alert", "--json")
        assert alerts.code == 0, f"alert fails: {alerts}"
        return [
            (each["first"], each["last"])
            for each in alerts.document["alerts"]
            if each["kind"] == "run" and each["state"] == "open"
        ]


Law = Callable[[Seen, Iterable[str]], Iterator[str]]
"""Takes what is seen and the nights to look at; yields a sentence for each violation."""


def readers_see_what_was_published_last(seen: Seen, nights: Iterable[str]) -> Iterator[str]:
    ledger = seen.world.ledger
    wanted = {night: line.visible for night, line in ledger.nights.items() if line.visible}
    if seen.shown != wanted:
        yield f"readers see {seen.shown}, published was {wanted}"


def every_row_is_accounted_for(seen: Seen, nights: Iterable[str]) -> Iterator[str]:
    store = seen.world.store
    for night in nights:
        line = seen.world.ledger.nights.get(night)
        if line is None or line.visible is None:
            continue
        run = line.visible
        rows, refused = store.predictions(night), store.quarantine(night)
        runs = set(rows["run_id"].to_pylist()) | set(refused["run_id"].to_pylist())
        keys = rows["parcel"].to_pylist()
        if runs != {run}:
            yield f"{night}: rows of {runs}, published was {run}"
        if len(set(keys)) != len(keys):
            yield f"{night}: {len(keys)} rows with {len(set(keys))} keys"
        if run in line.reads:
            read, scored, quarantined = line.reads[run]
            found = len(keys), refused.num_rows
            if read != scored + quarantined or found != (scored, quarantined):
                yield f"{night}: {read} read, {scored} + {quarantined} told, {found} there"


def the_champion_scored_each_night(seen: Seen, nights: Iterable[str]) -> Iterator[str]:
    for night in nights:
        line = seen.world.ledger.nights.get(night)
        wanted = line.bundles.get(line.visible or "") if line else None
        if wanted is None:
            continue
        run = seen.world.store.published_run(night)
        if run is None or run.bundle != wanted:
            yield f"{night}: scored by {run and run.bundle}, {wanted} held the stage"


def history_knows_each_attempt(seen: Seen, nights: Iterable[str]) -> Iterator[str]:
    for night in nights:
        line = seen.world.ledger.nights.get(night)
        if line is None or line.last == "missing":
            continue
        found = seen.history(night)
        if found is None:
            yield f"{night}: {line.last}, but history does not know the night"
            continue
        if found["visible"] != line.visible:
            yield f"{night}: history shows {found['visible']}, published was {line.visible}"
        failed = sum(each["event"] == "failed" for each in found["events"])
        if failed < line.failures:
            yield f"{night}: {line.failures} attempts failed, history knows {failed}"


def the_front_page_shows_each_night(seen: Seen, nights: Iterable[str]) -> Iterator[str]:
    for night in seen.world.ledger.known()[-90:]:
        line = seen.world.ledger[night]
        if night not in seen.front:
            yield f"{night}: {line.status}, but not on the front page"
            continue
        words, note = seen.front[night]
        if line.visible is None and words != WORDS[line.status]:
            yield f"{night}: {line.status}, but '{words}' on the front page"
        if line.visible is not None:
            if words in WORDS.values():
                yield f"{night}: published, but '{words}' on the front page"
            if line.last in ("held", "failed") and line.last not in note:
                yield f"{night}: a later run {line.last}, which the front page does not say"


def status_agrees(seen: Seen, nights: Iterable[str]) -> Iterator[str]:
    """`assay status` names the last night and each one that waits for a person."""
    ledger = seen.world.ledger
    known = ledger.known()
    if not known or not seen.shown:
        return
    latest = seen.status["night"]["latest"]
    line = ledger[known[-1]]
    if latest["partition"] != known[-1]:
        yield f"status says that {latest['partition']} is the last night, it is {known[-1]}"
    elif line.visible is None and latest["status"] != line.status:
        yield f"{known[-1]}: {line.status}, but '{latest['status']}' by status"
    waiting = {each["partition"]: each["state"] for each in seen.status["night"]["waiting"]}
    wanted = {night: waits for night in known if (waits := ledger[night].waits)}
    if waiting != wanted:
        yield f"{wanted} wait for a person, status says {waiting}"


def alerts_tell_of_each_night_without_scores(seen: Seen, nights: Iterable[str]) -> Iterator[str]:
    ledger = seen.world.ledger
    for night in ledger.known():
        line = ledger[night]
        told = any(first <= night <= last for first, last in seen.open_nights)
        if line.status in ("held", "failed", "absent", "unfinished") and not told:
            yield f"{night}: {line.status}, but no open incident tells of it"
        if line.visible is not None and told:
            yield f"{night}: published, but an open incident says that it is not"


LAWS: tuple[Law, ...] = (
    readers_see_what_was_published_last,
    every_row_is_accounted_for,
    the_champion_scored_each_night,
    history_knows_each_attempt,
    the_front_page_shows_each_night,
    status_agrees,
    alerts_tell_of_each_night_without_scores,
)


def violations(world: World, nights: Iterable[str] | None = None) -> list[str]:
    """What is wrong, by all laws.

    Parameters
    ----------
    nights
        Those to look at closely; all if None.
    """
    seen, chosen = Seen(world), list(world.ledger.nights if nights is None else nights)
    return [f"{law.__name__}: {each}" for law in LAWS for each in law(seen, chosen)]
