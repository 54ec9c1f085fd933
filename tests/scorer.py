"""A project whose nights tests score on the suite's Spark, change and look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.project import layout, params
from assay.registry.pin import PinnedVersion, pin
from assay.registry.versions import read_champion
from assay.score.run import ScoredRun
from assay.score.together import score_night
from assay.store import Store, open_store

NIGHT = "2024-03-01"


class Shared:
    """The suite's Spark in the place of one that the command starts and stops."""

    def __init__(self, spark: Any) -> None:
        self.session = lambda: spark

    def start(self) -> None:
        """It runs."""

    def stop(self) -> None:
        """It is not the command's own."""


class Scorer:
    """Scores nights of a project with what is promoted there."""

    def __init__(self, root: Path, spark: Any) -> None:
        self.root, self.spark = root, spark
        self.params = params.load(root)
        version = read_champion(root, self.params.name, self.params.registry.stage)
        self.pinned: PinnedVersion = pin(root, self.params, version)
        self.open()

    def open(self) -> None:
        """Open the store that the parameters name now."""
        self.store: Store = open_store(self.root, self.params)

    def set(self, section: str = "score", **values: object) -> None:
        changed = getattr(self.params, section).model_copy(update=values)
        self.params = self.params.model_copy(update={section: changed})

    def score(self, night: str = NIGHT) -> ScoredRun:
        return score_night(
            self.params, self.root, self.pinned, self.store, lambda: self.spark, night
        )

    def file(self, night: str = NIGHT) -> Path:
        return self.root / layout.RAW / f"day={night}" / "part-00000.parquet"

    def change(self, change: Callable[[pa.Table], pa.Table], night: str = NIGHT) -> None:
        path = self.file(night)
        pq.write_table(change(pq.read_table(path)), path)

    def seen(self, night: str = NIGHT) -> set[str]:
        return set(self.store.predictions(night)["run_id"].to_pylist())

    def events(self, night: str = NIGHT) -> list[str]:
        return [record.event for record in self.store.runs(night)]
