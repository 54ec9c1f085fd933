"""The nights that a new one is compared with before it is published."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.params import Publish
from pipeline.profile import ColumnProfile, column_from_json
from pipeline.store import log, rows
from pipeline.store.files import run_of
from pipeline.store.place import Place
from pipeline.store.tables import PREDICTIONS, PROFILES, QUARANTINE, profiles_schema


@dataclass(frozen=True)
class Recent:
    """Facts of the nearest nights before, those that readers see.

    Attributes
    ----------
    rows
        Rows read, one number a night; the nearest night first.
    scores
        Profiles of the score column, of those of these nights that the same version scored.
    """

    rows: tuple[int, ...] = ()
    scores: tuple[ColumnProfile, ...] = ()


def recent(place: Place, partition: str, version: str, limits: Publish, score: str) -> Recent:
    """Gather what is visible of the last ``limits.recent_nights`` partitions before one.

    Row counts are in the log, so the tables' files stay shut; of the profiles only those of
    these nights are read.
    """
    column = place.column
    opened = log.open_table(place.table_uri(PREDICTIONS))
    scored = [] if opened is None else log.active(opened, column)
    earlier = sorted({file.partition for file in scored if file.partition < partition})
    nights = earlier[: -limits.recent_nights - 1 : -1]
    if not nights:
        return Recent()
    refused = log.open_table(place.table_uri(QUARANTINE))
    files = [*scored, *([] if refused is None else log.active(refused, column))]
    visible = {file.partition: run_of(file.path) for file in scored}
    counts = {
        night: sum(
            file.rows
            for file in files
            if file.partition == night and run_of(file.path) == visible[night]
        )
        for night in nights
    }
    return Recent(
        rows=tuple(counts[night] for night in nights),
        scores=_scores(place, nights, version, visible, score),
    )


def _scores(
    place: Place, nights: list[str], version: str, visible: dict[str, str | None], score: str
) -> tuple[ColumnProfile, ...]:
    kept = rows.select(
        place,
        PROFILES,
        profiles_schema(place.column),
        {place.column: nights, "column": score, "model_version": version},
        [place.column, "run_id", "profile"],
    ).to_pylist()
    texts = {
        row[place.column]: row["profile"]
        for row in kept
        if row["run_id"] == visible[row[place.column]]
    }
    uri = place.table_uri(PROFILES)
    return tuple(
        column_from_json(texts[night], f"{uri}, {night}") for night in nights if night in texts
    )
