"""Drift of raw Parquet: `assay drift` on all rows, against Evidently on a tenth of them.

All are whole commands in fresh processes, from the first import to the answer. Ours counts the
model's 18 features by threads of its own process, as it does on one machine. Evidently gets a tenth
of the rows, 15 of the features and no page to draw; its reference are the rows that our profile was
made of. Time and memory are measured in different runs, for to look at memory takes time.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median

from assay.model import bundle
from assay.project import layout
from benchmarks import footprint
from benchmarks.bench import Bench, Night
from benchmarks.contender import ONE_THREAD, ROOT
from benchmarks.footprint import Footprint
from benchmarks.measure import in_turns
from benchmarks.results import Result, release

CANDIDATE = "boosting"
COLUMNS = 15
FEWER, FEWEST = 0.1, 0.02
"""Of our rows: what Evidently gets, and what is enough to keep both cores busy."""
CROSSED = 4
OURS = "assay drift"
PEER = "Evidently's DataDriftPreset on a tenth of the rows"


@dataclass(frozen=True)
class Contenders:
    """Runs ours and the peer, and keeps what each run took."""

    bench: Bench
    seen: dict[tuple[str, int], list[Footprint]] = field(default_factory=dict)

    def run(self, name: str, night: Night, watched: bool) -> Footprint:
        """One whole command.

        Raises
        ------
        CommandFailed, AssertionError
            It failed, or answered something else than was asked.
        """
        root = self.bench.project.root
        found = footprint.run(
            self._peer(night) if name == PEER else self._ours(name, night),
            root,
            {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT)},
            watched=watched,
            ends=(0, CROSSED),
        )
        told = answer(found)
        if told["rows"] != night.rows or (name == PEER and told["columns"] != COLUMNS):
            raise AssertionError(f"{name} judged something else: {told}")
        self.seen.setdefault((name, night.rows), []).append(found)
        return found

    def _ours(self, name: str, night: Night) -> list[str]:
        made = str(self.bench.project.root / layout.CANDIDATES / CANDIDATE)
        command = [sys.executable, "-m", "assay.cli.__main__", *name.split()[1:]]
        return [*command, str(night.path), "--bundle", made, "--json"]

    def _peer(self, night: Night) -> list[str]:
        root = self.bench.project.root
        loaded = bundle.load(root / layout.CANDIDATES / CANDIDATE, expected=None, allow_types=())
        manifest = loaded.manifest
        numbers = manifest.numeric[: COLUMNS - len(manifest.categorical)]
        names = [",".join(kind) for kind in (numbers, manifest.categorical)]
        script = [sys.executable, "-m", "benchmarks.evidently_drift"]
        return [*script, str(night.path), str(root / layout.TRAIN_TABLE), *names]


def answer(found: Footprint) -> Mapping[str, float]:
    """What a command said."""
    told: Mapping[str, float] = json.loads(found.output)
    return told


def run(bench: Bench) -> list[Result]:
    """Rows a second, memory, and the memory that rows add."""
    many, fewer, few = (bench.night(int(bench.rows * share)) for share in (1, FEWER, FEWEST))
    all_of_it = {OURS: many, PEER: fewer}

    timed = Contenders(bench)

    def speed(name: str) -> float:
        night = all_of_it[name]
        return night.rows / timed.run(name, night, watched=False).seconds

    watched = Contenders(bench)

    def memory(name: str, night: Night) -> float:
        return watched.run(name, night, watched=True).memory

    speeds = _turns(bench, "rows/s", {name: partial(speed, name) for name in all_of_it})
    held = _turns(bench, "MB", {n: partial(memory, n, night) for n, night in all_of_it.items()})
    least = _turns(bench, "MB, few rows", {n: partial(memory, n, few) for n in (OURS, PEER)})
    title = f"Drift of raw Parquet: {OURS}, against {PEER}"
    runs = watched.seen[OURS, many.rows]
    made = partial(bench.result, others={"evidently": release("evidently")})
    return [
        made(
            title,
            speeds[OURS],
            speeds[PEER],
            target=25.0,
            details=_seconds(timed.seen, all_of_it, OURS),
        ),
        made(
            f"{title}: memory",
            held[OURS],
            held[PEER],
            target=0.2,
            better="lower",
            unit="MB",
            details={
                f"{kind}, MB": median(each.parts.get(kind, 0.0) for each in runs)
                for kind in runs[0].parts
            }
            | {"sum of resident sizes, MB": median(each.resident for each in runs)},
        ),
        made(
            f"{title}: memory that rows add to what {few.rows:,} of them take",
            _more(held[OURS], least[OURS]),
            _more(held[PEER], least[PEER]),
            target=0.2,
            better="lower",
            unit="MB",
        ),
    ]


def _turns(
    bench: Bench, what: str, runs: Mapping[str, Callable[[], float]]
) -> dict[str, list[float]]:
    return in_turns(dict(runs), bench.repeats, f"drift, {what}")


def _seconds(
    seen: Mapping[tuple[str, int], Sequence[Footprint]], nights: Mapping[str, Night], name: str
) -> dict[str, float]:
    """How long the commands took, and the parts of the peer's time that it told of."""
    ours, peer = (seen[each, nights[each].rows] for each in (name, PEER))
    parts = [answer(each) for each in peer]
    return {
        "ours: whole command, s": median(each.seconds for each in ours),
        "peer: whole command, s": median(each.seconds for each in peer),
        **{
            f"peer: {part}, s": median(each[part] for each in parts)
            for part in ("import", "read", "report")
        },
    }


def _more(many: Sequence[float], few: Sequence[float]) -> list[float]:
    return [one - other for one, other in zip(many, few, strict=True)]
