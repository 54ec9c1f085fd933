"""``assay front``: write the front page, and the runbook beside it."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from assay.errors import AssayError
from assay.monitor.drift.drift import DriftFinding, is_near
from assay.monitor.front import charts, runbook
from assay.monitor.front.charts import LATER, anchor, link, months
from assay.monitor.incidents.collect import AllNights, all_nights
from assay.monitor.nights import facts as night_facts
from assay.monitor.nights.facts import StoredFacts
from assay.monitor.nights.night import STATUSES, Night, ShownMetric
from assay.monitor.status import (
    ChampionStatus,
    MissingPart,
    RetrainStatus,
    champion_part,
    incidents_part,
    retrain_advice,
)
from assay.monitor.status_text import champion_lines, incident_lines, retrain_words
from assay.pages.svg import Picture
from assay.pages.templating import compose_page
from assay.pages.templating import render as render_template
from assay.project import layout
from assay.project.document import write_text
from assay.project.extras import missing_extra
from assay.project.params import Params
from assay.project.text import counted
from assay.store import open_store

NIGHTS = 90
log = logging.getLogger(__name__)


def run(root: Path, params: Params, last: int = NIGHTS) -> Front:
    """Write the front page.

    Parameters
    ----------
    last
        How many nights to show.
    """
    facts = night_facts.load(root, open_store(root, params), ())
    every = all_nights(facts)
    return write_page(root, params, every, facts, last)


def write_page(
    root: Path, params: Params, every: AllNights, facts: StoredFacts, last: int = NIGHTS
) -> Front:
    """Write the front page from given facts."""
    front = gather(root, params, every, facts, last)
    holder = front.champion
    version = "" if isinstance(holder, MissingPart) else holder.version
    about = runbook.render(root, params, version, champion_words(front), front.nights)
    write_text(root / layout.RUNBOOK, about)
    write_text(root / layout.FRONT, render(front))
    return front


def try_run(root: Path, params: Params) -> None:
    """As `run`, after a command whose result it must not change.

    A failure is only logged.
    """
    with failure_logged(layout.FRONT, "is", "assay front"):
        run(root, params)


@contextmanager
def failure_logged(what: str, verb: str, fix: str) -> Iterator[None]:
    """Only log an error: the command itself has succeeded, so none may escape."""
    try:
        yield
    except Exception as error:
        known = error if isinstance(error, AssayError) else missing_extra(error)
        why = known.line() if known else " ".join(str(error).split())
        log.warning(
            "%s %s not up to date: %s. Once that is fixed: %s",
            *(what, verb, why or type(error).__name__, fix),
        )


# ------------------ render the front page as one HTML file. All text from data or people is escaped

MOST_COLUMNS = 60
TONES = {"ok": "ok", "unseen": "", "unfinished": "", "snoozed": "", "recovered": "", "over": ""}
"""Status of the last night -> the colour of its card; any other is "bad"."""


@dataclass(frozen=True, slots=True)
class ColumnLine:
    """One column's drift over the shown nights."""

    name: str
    nights: int
    picture: Picture


def render(front: Front) -> str:
    """The content of reports/index.html; deterministic."""
    shown = front.nights
    latest = shown[-1] if shown else None
    columns, quiet = column_lines(shown)
    counts = Counter(night.status.name for night in shown)
    main = render_template(
        "front.html",
        f=front,
        latest=latest,
        latest_words=latest.status.words if latest else "",
        latest_link=link(latest) if latest else "",
        tone=_tone(latest) if latest else "",
        champion=champion_words(front),
        retrain=retrain_words(front.retrain) if front.retrain else "",
        bundle="" if isinstance(front.champion, MissingPart) else front.champion.bundle,
        incidents=incident_words(front),
        open=any(each.state == "open" for each in front.every.incidents),
        waiting=[each for each in front.every.nights if each.held and each.state == "published"],
        months=months(shown),
        legend=[
            (name, mark, words, counts[name])
            for name, (words, mark) in STATUSES.items()
            if counts[name]
        ],
        later=LATER if any(n.state == "published" and n.note for n in shown) else "",
        charts=_charts(front),
        columns=columns,
        quiet=quiet,
        shades=(*charts.SHADES, (None, charts.UNKNOWN)),
        lines=[(night, anchor(night), link(night)) for night in reversed(shown)],
        measured=measured_words,
        near=partial(_is_near, front.max_drifted_share),
    )
    return compose_page(f"{front.name}: the last nights", main)


def _tone(latest: Night) -> str:
    """The colour of the last night's card; a later run that was held or failed needs somebody."""
    return (
        "bad"
        if latest.state == "published" and latest.note
        else TONES.get(latest.status.name, "bad")
    )


def _is_near(most: float, night: Night) -> bool:
    drift = night.drift if night.status.name == "ok" else None
    return drift is not None and is_near(len(drift.drifted), drift.features, most)


def column_lines(nights: Sequence[Night]) -> tuple[list[ColumnLine], int]:
    """The columns that were over a limit, most nights first, and the number that never were."""
    looked = [night.drift if night.state == "published" else None for night in nights]
    over: Counter[str] = Counter()
    names: set[str] = set()
    for drift in looked:
        if drift is not None:
            over.update(drift.over)
            names.update(each.column for each in drift.findings)
    lines = []
    for name, count in sorted(over.items(), key=lambda item: (-item[1], item[0]))[:MOST_COLUMNS]:
        findings = [drift.finding(name) if drift else None for drift in looked]
        known = [each is not None for each in findings]
        times = [_times_limit(each) if each else None for each in findings]
        label = f"{name}: over a limit on {counted(count, 'night')}"
        lines.append(ColumnLine(name, count, charts.heat_map(times, known, label)))
    return lines, len(names - set(over))


def _times_limit(finding: DriftFinding) -> float | None:
    """How far a column was, as a multiple of its limit; at least 1 if it was over any limit."""
    times = finding.times_limit
    if math.isinf(times):
        return None
    return max(times, 1.0) if finding.crossed else times


def champion_words(front: Front) -> list[str]:
    """The champion's lines, or why it is unknown."""
    champion = front.champion
    if isinstance(champion, MissingPart):
        return [champion.none]
    # The template shows the bundle's digest, shortened.
    return [line for line in champion_lines(champion) if not line.endswith(champion.bundle)]


def incident_words(front: Front) -> list[str]:
    """The incidents' lines, as in ``assay status``."""
    part = incidents_part(front.every)
    return [part.none] if isinstance(part, MissingPart) else incident_lines(part)


def measured_words(one: ShownMetric | None) -> str:
    """A metric and its interval."""
    if one is None:
        return ""
    if not one.trusted:
        return f"{one.value:.3f}, not to be trusted"
    if one.low is None or one.high is None:
        return f"{one.value:.3f}"
    return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"


def _charts(front: Front) -> list[tuple[str, Picture, str]]:
    """Title, picture and caption of each chart that has data."""
    shown = front.nights
    if not shown:
        return []
    drift = [n.drift.drifted_share if n.drift and n.state == "published" else None for n in shown]
    refused = [night.quarantine_share for night in shown]
    drawings: list[tuple[str, Picture, str]] = []
    if any(value is not None for value in drift):
        limit = front.max_drifted_share
        title = "Features that drifted"
        picture = charts.bars(drift, shown, limit, "share of features that drifted")
        drawings.append((title, picture, f"share of the features; {limit:.0%} may"))
    if any(value is not None for value in refused):
        limit = front.max_quarantine_share
        picture = charts.bars(refused, shown, limit, "share of rows that were quarantined")
        drawings.append(
            ("Quarantined", picture, f"share of the rows read; {limit * 100:g}% may be")
        )
    drawn = charts.performance(shown, f"{front.metric} by night")
    if drawn is not None:
        words = "line: estimated without labels; dots: with the labels that came"
        drawings.append((f"Performance: {front.metric}", drawn, words))
    return drawings


STAGE_PAGES = {
    layout.GATE_PAGE: "the gate's verdict",
    layout.EVALUATION_PAGE: "evaluation",
    layout.COMPARISON_PAGE: "comparison with the champion",
    layout.CONTRACT_PAGE: "contract of the training table",
}
"""Page that a stage of ``dvc repro`` writes -> its name on the front page."""


@dataclass(frozen=True, slots=True)
class Front:
    """Everything on the page.

    Attributes
    ----------
    metric
        The name of the performance metric that is shown; None if none was measured.
    every
        All nights, and all incidents.
    pages
        The pages of the stages that exist: address, relative to the front page, and name.
    retrain
        The advice to train again, as in `Status.retrain`.
    """

    name: str
    stage: str
    nights: tuple[Night, ...]
    champion: ChampionStatus | MissingPart
    metric: str | None
    max_drifted_share: float
    max_quarantine_share: float
    every: AllNights
    pages: tuple[tuple[str, str], ...] = ()
    retrain: RetrainStatus | None = None

    def document(self) -> dict[str, Any]:
        """What is on the page, as JSON values."""
        return {
            "schema": 1,
            "name": self.name,
            "page": layout.FRONT,
            "champion": self.champion.tree(),
            "metric": self.metric,
            "nights": [
                {
                    "partition": night.partition,
                    "status": night.status.name,
                    "run_id": night.run_id or None,
                    "version": night.version or None,
                    "rows_read": night.rows_read,
                    "quarantine_share": night.quarantine_share,
                    "drifted_share": night.drift.drifted_share if night.drift else None,
                    "estimated": night.estimated.value if night.estimated else None,
                    "trusted": night.estimated.trusted if night.estimated else None,
                    "realized": night.realized.value if night.realized else None,
                    "reasons": list(night.reasons()),
                }
                for night in self.nights
            ],
        }


def gather(root: Path, params: Params, every: AllNights, facts: StoredFacts, last: int) -> Front:
    """The last nights, and the champion.

    Parameters
    ----------
    last
        How many nights are shown.
    """
    champion = champion_part(root, params)
    return Front(
        name=params.name,
        stage=params.registry.stage,
        nights=every.nights[-last:],
        champion=champion,
        metric=facts.headline_metric,
        max_drifted_share=params.monitor.max_drifted_share,
        max_quarantine_share=params.quarantine.max_share,
        every=every,
        pages=stage_pages(root),
        retrain=retrain_advice(root, params, champion),
    )


def stage_pages(root: Path) -> tuple[tuple[str, str], ...]:
    """The pages of the stages that exist; see `Front.pages`."""
    folder = PurePosixPath(layout.FRONT).parent
    return tuple(
        (str(PurePosixPath(path).relative_to(folder)), words)
        for path, words in STAGE_PAGES.items()
        if (root / path).is_file()
    )
