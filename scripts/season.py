"""`make season`: half a year of nights in the project that `make demo` made, and what was found.

Scores and monitors July to December 2013 with the version that holds the stage, takes the labels
as they would have come, and writes reports/benchmarks/season.md: incidents with the night each was
found, alarms by month, the AUC that was expected of each week beside the one that came, and what
the commands and their pages took.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from clone import CLONE, ROOT, exports, shown, stream

FIRST, LAST = "2013-07-01", "2013-12-31"
SPAN = ("--from", FIRST, "--to", LAST)
PAGE = ROOT / "reports" / "benchmarks" / "season.md"
METRICS = ("auc", "mean_predicted", "mean_observed")
AUTUMN = "2013-09-01"
INCIDENT_OPEN, RETRAIN, HELD = 4, 6, 51
"""Exit codes that are an answer."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Week:
    """Means over the nights of a week that have all numbers, weighted by labelled rows."""

    monday: date
    nights: int
    rows: int
    estimated: float
    realized: float
    predicted: float
    observed: float

    @property
    def error(self) -> float:
        """By how much the AUC was expected to be higher than it was."""
        return self.estimated - self.realized

    @property
    def off(self) -> float:
        """By how much lateness was expected to be more common than it was."""
        return self.predicted - self.observed


def main() -> int:
    """Run it all; 0 if every command gave an answer."""
    if not (CLONE / "models" / "bundle").is_dir():
        print(f"season: no bundle in {shown(CLONE)}; run make demo first", file=sys.stderr)
        return 1
    steps = (
        (("assay", "score", *SPAN), (HELD,)),
        # Before monitoring, so that pages show what became of each night, too.
        (("assay", "labels", *SPAN), ()),
        (("assay", "monitor", *SPAN), (INCIDENT_OPEN,)),
        (("assay", "front", "--nights", "184"), ()),
    )
    seconds = {}
    for command, answers in steps:
        print(f"$ {' '.join(command)}", flush=True)
        began = time.monotonic()
        code, _ = stream(command, listen=False)
        seconds[command[1]] = time.monotonic() - began
        if code and code not in answers:
            print(f"season: exit code {code}; by hand: cd {shown(CLONE)}; export {exports()}",
                  file=sys.stderr)  # fmt: skip
            return 1
    text = page(seconds)
    # The page asked for advice on training, and each answer wrote the front page of a month.
    stream(("assay", "front", "--nights", "184"), listen=True, echo=False)
    PAGE.write_text(text, encoding="utf-8")
    print(text)
    print(f"page: {shown(PAGE)}; the nights at a glance: {shown(CLONE / 'reports/index.html')}")
    return 0


def page(seconds: Mapping[str, float]) -> str:
    """What was found, as Markdown; ``seconds`` that each command took."""
    book = json.loads((CLONE / "reports" / "incidents.json").read_text(encoding="utf-8"))
    found = weeks({name: nights(name) for name in METRICS})
    lines = [
        "# July to December 2013, scored with the model of June",
        "",
        "Written by `make season`, on the nights of the reference project. The model learnt from "
        "January to May, and was gated on June.",
        "",
        "## Incidents",
        "",
        f"{len(book['nights'])} nights were published and judged. An alarm takes "
        f"{book['budget']['nights']} of {book['budget']['of']} nights.",
        "",
        *incidents(book),
        "",
        *summer(book),
        "",
        "## Nights in alarm, by month",
        "",
        *months(book),
        "",
        "## What matured labels said",
        "",
        *advice([week.monday + timedelta(days=6) for week in found]),
        "",
        "## The AUC that was expected, and the one that came",
        "",
        *compared(found),
        "",
        "## What it took",
        "",
        *costs(seconds, len(book["nights"])),
    ]
    return "\n".join(lines) + "\n"


def costs(seconds: Mapping[str, float], judged: int) -> Iterator[str]:
    """What the commands took, and the pages of the nights."""
    yield "| command, of all nights at once | seconds |"
    yield "|---|--:|"
    for command, each in seconds.items():
        yield f"| {command} | {each:.0f} |"
    pages = [path for path in (CLONE / "reports" / "nights").rglob("*") if path.is_file()]
    looked = [path for path in pages if path.name.endswith(".evidently.html")]
    size, theirs = (sum(path.stat().st_size for path in each) / 1e6 for each in (pages, looked))
    yield ""
    yield (
        f"`monitor` writes the nights' pages: {size - theirs:.0f} MB of {judged} nights, so "
        f"{(size - theirs) / judged * 365:.0f} MB of a year; and {theirs:.0f} MB of Evidently's, "
        f"of {len(looked)} nights that were asked for or in an incident. Asked: 60 seconds, and "
        "60 MB a year."
    )


def incidents(book: Mapping[str, Any]) -> Iterator[str]:
    """A line an incident."""
    yield "| kind | began | found | last night | recovered | nights in alarm | columns |"
    yield "|---|---|---|---|---|--:|---|"
    for each in book["incidents"]:
        columns = ", ".join(each["columns"][:6])
        more = len(each["columns"]) - 6
        cells = (
            *(each["kind"], each["first"], each["found"], each["last"]),
            *(each["recovered"] or "no", str(each["nights"])),
            columns + (f" and {more} more" if more > 0 else ""),
        )
        yield f"| {' | '.join(cells)} |"


def summer(book: Mapping[str, Any]) -> Iterator[str]:
    """What was said in July and August, and what came first after them."""
    early = [each for each in book["incidents"] if each["first"] < AUTUMN]
    alarmed = sum(night < AUTUMN for night in book["alarms"])
    columns = sorted({column for each in early for column in each["columns"]})
    yield (
        f"July and August: {len(early)} incidents, {alarmed} nights in alarm "
        f"({', '.join(columns) or 'no column'})."
    )
    later = [each for each in book["incidents"] if each["first"] >= AUTUMN]
    if later:
        first = later[0]
        yield ""
        yield (
            f"The first one after them began on {first['first']} and was found on "
            f"{first['found']}: {', '.join(first['columns'])}."
        )


def months(book: Mapping[str, Any]) -> Iterator[str]:
    """How many nights were in alarm, by kind; and over the label's limit once it was known."""
    kinds = ("answers", "features", "data")
    nightly = Counter(night[:7] for night in book["nights"])
    alarmed: Counter[tuple[str, str]] = Counter()
    for night, alarms in book["alarms"].items():
        alarmed.update((night[:7], kind) for kind in {alarm["kind"] for alarm in alarms})
    label = Counter(night[:7] for night in drifted_labels())
    yield f"| month | nights | {' | '.join(kinds)} | label over its limit |"
    yield f"|---|--:|{'--:|' * len(kinds)}--:|"
    for month, many in sorted(nightly.items()):
        counts = " | ".join(str(alarmed[month, kind]) for kind in kinds)
        yield f"| {month} | {many} | {counts} | {label[month]} |"


def drifted_labels() -> list[str]:
    """Nights whose truths were spread otherwise than the reference's, more than its nights are."""
    found = []
    for path in sorted((CLONE / "reports" / "nights").glob("*.json")):
        night = json.loads(path.read_text(encoding="utf-8"))
        if night["label"] and night["label"]["drifted"]:
            found.append(night["partition"])
    return found


def advice(days: Sequence[date]) -> Iterator[str]:
    """The Sundays on which a rule under monitor.retrain said to train again, and why."""
    told = []
    for day in days:
        command = ("assay", "monitor", "--retrain-if", "--date", day.isoformat(), "--json")
        code, text = stream(command, listen=True, echo=False)
        if code not in (0, RETRAIN):
            raise ValueError(f"{' '.join(command)} ended with {code}")
        rules = json.loads(text)["rules"]
        told += [f"| {day} | {rule['sentence']} |" for rule in rules if rule["state"] == "retrain"]
    yield f"Asked on {len(days)} Sundays, `assay monitor --retrain-if` advised on these:"
    yield ""
    yield "| until | why |"
    yield "|---|---|"
    yield from told


def compared(found: Sequence[Week]) -> Iterator[str]:
    """A line a week, the mean error, and where the estimate was wrong."""
    yield "Means over a week's nights, weighted by labelled rows."
    yield ""
    yield "| week of | nights | rows | expected | came | error | said late | was late |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for week in found:
        yield (
            f"| {week.monday} | {week.nights} | {week.rows:,} | {week.estimated:.3f} "
            f"| {week.realized:.3f} | {week.error:+.3f} | {week.predicted:.1%} "
            f"| {week.observed:.1%} |"
        )
    errors = [abs(week.error) for week in found]
    bias = math.fsum(week.error for week in found) / len(found)
    worst = sorted(found, key=lambda week: -abs(week.error))[:5]
    yield ""
    yield (
        f"The estimate was off by {math.fsum(errors) / len(errors):.3f} on the mean of "
        f"{len(found)} weeks (too high by {bias:+.3f}), by {max(errors):.3f} at most."
    )
    yield ""
    yield "Furthest off, with what was said of lateness and what came of it:"
    yield ""
    for week in worst:
        yield (
            f"- week of {week.monday}: AUC {week.error:+.3f}; said {week.predicted:.1%} late, "
            f"were {week.observed:.1%} ({100 * week.off:+.1f} points)"
        )


def nights(metric: str) -> dict[str, Row]:
    """The pairs of a metric, by night, as a user would ask for them.

    Raises
    ------
    ValueError
        The command printed no document.
    """
    command = ("assay", "performance", "--metric", metric, "--json")
    code, text = stream(command, listen=True, echo=False)
    if code:
        raise ValueError(f"{' '.join(command)} ended with {code}")
    return {pair["night"]: pair for pair in json.loads(text)["pairs"]}


def weeks(of: Mapping[str, Mapping[str, Row]]) -> list[Week]:
    """Weeks of the nights on which AUC was both expected and measured."""
    gathered: dict[date, list[str]] = {}
    for night, pair in of["auc"].items():
        day = date.fromisoformat(night)
        if pair["error"] is not None and all(night in of[name] for name in METRICS):
            gathered.setdefault(day - timedelta(days=day.weekday()), []).append(night)
    return [_week(monday, mine, of) for monday, mine in sorted(gathered.items())]


def _week(monday: date, mine: Sequence[str], of: Mapping[str, Mapping[str, Row]]) -> Week:
    rows = sum(of["auc"][night]["rows"] for night in mine)

    def mean(metric: str, which: str) -> float:
        values = ((of[metric][night][which], of["auc"][night]["rows"]) for night in mine)
        return math.fsum(value * weight for value, weight in values) / rows

    return Week(
        monday,
        len(mine),
        rows,
        mean("auc", "estimated"),
        mean("auc", "realized"),
        mean("mean_predicted", "realized"),
        mean("mean_observed", "realized"),
    )


if __name__ == "__main__":
    sys.exit(main())
