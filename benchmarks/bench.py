"""What every benchmark needs: the project, nights, contenders, and how a result is put."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from assay.project import layout
from benchmarks import nights, project
from benchmarks.contender import ONE_THREAD, Answer, Contender
from benchmarks.measure import Comparison, compare, say
from benchmarks.project import Project
from benchmarks.results import Better, Result, machine, versions

CORES = 2
MASTER = f"local[{CORES}]"
TOUCH_ROWS = 200_000
"""Before a run that counts, a contender scores so many rows: processes that were idle for a
minute have been ended by Spark, and to start them again is not what is compared."""


class Night(NamedTuple):
    """A night: the folder that holds it and its like, its value, and its own folder."""

    folder: Path
    value: str
    path: Path
    rows: int


class Scores(NamedTuple):
    """What a contender wrote."""

    rows: int
    mean: float


@dataclass(frozen=True)
class Bench:
    """The ground of a run of benchmarks.

    Parameters
    ----------
    build
        Holds everything that is made on the way; may be deleted at any time.
    rows
        Of a night, where a benchmark does not ask for more or fewer.
    repeats
        How often the runs of a comparison take turns.
    """

    build: Path
    rows: int
    repeats: int

    @cached_property
    def project(self) -> Project:
        """The flights; trained when a benchmark first asks for it."""
        return project.make(self.build / "project", MASTER)

    def night(self, rows: int) -> Night:
        """A night of the flights, made once and kept."""
        folder, column = self.build / "nights" / str(rows), self.project.column
        made = sorted(folder.glob(f"{column}=*"))
        if not made:
            say(f"writing a night of {rows:,} rows (once)")
            year = nights.year(self.project.root / layout.RAW, column)
            nights.make(folder, column, year, rows)
            made = sorted(folder.glob(f"{column}=*"))
        return Night(folder, made[-1].name.partition("=")[2], made[-1], rows)

    def contender(self, module: str, *arguments: str, log: str = "", **options: Any) -> Contender:
        path = self.build / "logs" / f"{log or module}.log"
        return Contender(module, arguments, path, **options)

    def session(self, log: str = "", carrier: str = "auto", **settings: Any) -> Contender:
        """Ours: a warm Spark session; ``settings`` take the place of params.yaml's ``spark``."""
        root, told = str(self.project.root), json.dumps(settings)
        return self.contender("assay_session", root, told, carrier, log=log)

    def floor(self, processes: int) -> Contender:
        """A program that reads and writes what ours does, and scores nothing."""
        log = f"floor-{processes}"
        return self.contender("floor", str(processes), log=log, environment=ONE_THREAD)

    def floor_seconds(self, pool: Contender, night: Night) -> float:
        """How long such a program took for a night; that it wrote all rows is checked."""
        output = self.output("floor")
        values = {"columns": list(self.project.columns), "keys": list(self.project.keys)}
        seconds = pool.ask("run", **values, night=str(night.path), output=str(output))["seconds"]
        written = scores(output).rows
        shutil.rmtree(output)
        if written != night.rows:
            raise AssertionError(f"the floor wrote {written} rows of {night.rows}")
        return float(seconds)

    def output(self, name: str) -> Path:
        """An empty place for what a run writes."""
        path = self.build / "output" / name
        shutil.rmtree(path, ignore_errors=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def full(self, session: Contender, model: str, night: Night, carrier: str) -> Answer:
        """A full run of ours in a store of its own."""
        output = self.output(f"store-{carrier}")
        answer = session.ask(
            "full",
            name=model,
            folder=str(night.folder),
            night=night.value,
            output=str(output),
            carrier=carrier,
        )
        answer["scores"] = scores(output / "predictions")
        shutil.rmtree(output)
        return answer

    def result(
        self,
        name: str,
        ours: Sequence[float],
        peer: Sequence[float],
        *,
        target: float | None,
        better: Better = "higher",
        rows: int | None = None,
        unit: str = "rows/s",
        others: Mapping[str, str] | None = None,
        details: Mapping[str, float] | None = None,
        cores: int = CORES,
    ) -> Result:
        """A comparison as it goes into results.json."""
        found: Comparison = compare(ours, peer)
        return Result(
            name=name,
            ratio=_short(found.ratio),
            target=target,
            better=better,
            rows=self.rows if rows is None else rows,
            unit=unit,
            ours_median=_short(found.ours),
            peer_median=_short(found.peer),
            spread=(_short(found.spread[0]), _short(found.spread[1])),
            repeats=len(ours),
            versions=versions(**(others or {})),
            machine=machine(cores),
            details={key: _short(value) for key, value in (details or {}).items()},
        )


def _short(value: float) -> float:
    """Five digits: more would be noise."""
    return float(f"{value:.5g}")


def scores(folder: Path, column: str = "probability") -> Scores:
    """Count and mean of the scores in a folder of Parquet files."""
    files = [str(path) for path in sorted(folder.rglob("*.parquet")) if path.name[0] not in "._"]
    values: pa.ChunkedArray = ds.dataset(files).to_table(columns=[column]).column(column)
    return Scores(len(values), float(pc.mean(values).as_py()))
