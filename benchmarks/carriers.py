"""Full runs of all carriers against the floor, scikit-learn, mlflow and scoring alone, by model."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from assay.project import layout
from assay.score.spark.java import java_home
from benchmarks import peer_env
from benchmarks.bench import CORES, MASTER, TOUCH_ROWS, Bench, Night, Scores, scores
from benchmarks.contender import ONE_THREAD, Contender
from benchmarks.measure import Run, in_turns
from benchmarks.results import Result

BATCH_ROWS = 50_000
LOCAL = "carrier without Spark"
FULL, ALONE = "fast carrier", "fast carrier, scoring alone"
FLOOR = f"the floor: pyarrow in {CORES} processes, scoring nothing"
SKLEARN, MLFLOW = f"scikit-learn in {CORES} processes", "mlflow.pyfunc.spark_udf"


@dataclass(frozen=True)
class Model:
    """A candidate, and what is to be reached with it: ours -> peer -> ratio, None if reported."""

    candidate: str
    targets: dict[tuple[str, str], float | None]

    @property
    def contenders(self) -> list[str]:
        named = {name for pair in self.targets for name in pair}
        order = (FLOOR, LOCAL, FULL, SKLEARN, MLFLOW, ALONE)
        return [name for name in order if name in named]


MODELS = {
    "HGB": Model(
        "boosting",
        {
            (LOCAL, FLOOR): 0.5,
            (FULL, FLOOR): 0.5,
            (LOCAL, SKLEARN): 2.5,
            (FULL, SKLEARN): 2.5,
            (FULL, MLFLOW): 5.0,
            (FULL, ALONE): 0.9,
            (ALONE, FLOOR): None,
        },
    ),
    "LR": Model(
        "logistic",
        {
            (LOCAL, FLOOR): 0.6,
            (FULL, FLOOR): 0.6,
            (LOCAL, SKLEARN): 1.3,
            (FULL, SKLEARN): 1.3,
            (FULL, MLFLOW): 5.0,
            (FULL, ALONE): 0.75,
            (ALONE, FLOOR): None,
        },
    ),
    "RF": Model(
        "forest",
        {
            (LOCAL, FLOOR): None,
            (FULL, FLOOR): None,
            (LOCAL, SKLEARN): 1.0,
            (FULL, SKLEARN): 1.0,
            (FULL, MLFLOW): 1.5,
        },
    ),
}


def run(bench: Bench, label: str) -> list[Result]:
    """Compare with one of the models, in warm processes."""
    night, touch = bench.night(bench.rows), bench.night(TOUCH_ROWS)
    model = MODELS[label]
    with ExitStack() as at_the_end:
        ring = Ring(bench, at_the_end)
        runs = {name: ring.run(name, model.candidate, night, touch) for name in model.contenders}
        found = in_turns(runs, bench.repeats, label)
    return [
        bench.result(
            f"{label}: {ours}{'' if ours == ALONE else ', full run'}, against {peer}",
            found[ours],
            found[peer],
            target=target,
            others=ring.versions,
            details=ring.where_time_goes() if (ours, peer) == (FULL, SKLEARN) else None,
        )
        for (ours, peer), target in model.targets.items()
    ]


class Ring:
    """The contenders, each started when it is first needed."""

    def __init__(self, bench: Bench, at_the_end: ExitStack) -> None:
        self._bench, self._at_the_end = bench, at_the_end
        self._started: dict[str, Contender] = {}
        self._loaded: set[str] = set()
        self._expected: dict[tuple[str, int], Scores] = {}
        self._last: Mapping[str, float] = {}
        self._parts: list[Mapping[str, float]] = []
        self.versions: dict[str, str] = {}

    def run(self, contender: str, candidate: str, night: Night, touch: Night) -> Run:
        """Something that scores the night when it is called; rows per second."""
        one: Callable[[Night], tuple[float, Scores | None]] = {
            LOCAL: lambda night: self._ours(candidate, night, "local"),
            FULL: lambda night: self._ours(candidate, night, "files"),
            ALONE: lambda night: self._alone(candidate, night),
            FLOOR: lambda night: self._floor(night),
            SKLEARN: lambda night: self._sklearn(candidate, night),
            MLFLOW: lambda night: self._mlflow(candidate, night),
        }[contender]

        def timed() -> float:
            one(touch)
            seconds, found = one(night)
            if contender == FULL:
                self._parts.append(self._last)
            if found is not None:
                self._check(candidate, contender, night, found)
            return night.rows / seconds

        return timed

    def where_time_goes(self) -> dict[str, float]:
        """Median seconds of the parts of the fast carrier's full runs."""
        return {
            f"seconds: {name}": median(parts[name] for parts in self._parts)
            for name in self._parts[0]
        }

    def _check(self, candidate: str, contender: str, night: Night, found: Scores) -> None:
        """Nobody is fast by scoring other rows, or otherwise."""
        expected = self._expected.setdefault((candidate, night.rows), found)
        same = math.isclose(found.mean, expected.mean, rel_tol=1e-9)
        if found.rows != expected.rows or not same:
            raise AssertionError(f"{contender} says {found}, others {expected}")

    def _ours(self, candidate: str, night: Night, carrier: str) -> tuple[float, Scores]:
        answer = self._bench.full(self._session(carrier), candidate, night, carrier)
        self._last = answer["parts"]
        return answer["seconds"], answer["scores"]

    def _alone(self, candidate: str, night: Night) -> tuple[float, Scores]:
        def ask(output: Path) -> float:
            values = {"name": candidate, "folder": str(night.folder), "night": night.value}
            return float(
                self._session("files").ask("alone", **values, output=str(output))["seconds"]
            )

        return self._written("alone", ask)

    def _floor(self, night: Night) -> tuple[float, None]:
        pool = self._once("floor", lambda: self._bench.floor(CORES))
        return self._bench.floor_seconds(pool, night), None

    def _sklearn(self, candidate: str, night: Night) -> tuple[float, Scores]:
        def ask(output: Path) -> float:
            return float(
                self._pool().ask("run", **self._plain(candidate, night, output))["seconds"]
            )

        return self._written("sklearn", ask)

    def _mlflow(self, candidate: str, night: Night) -> tuple[float, Scores]:
        server = self._mlflow_server()
        if candidate not in self._loaded:
            model = str(self._bench.project.fitted(candidate))
            self.versions |= server.ask("load", name=candidate, model=model, night=str(night.path))
            self._loaded.add(candidate)

        def ask(output: Path) -> float:
            values = self._plain(candidate, night, output)
            values["name"] = candidate
            del values["model"]
            return float(server.ask("run", **values)["seconds"])

        seconds, found = self._written("mlflow", ask)
        # The leftmost column is the other class.
        return seconds, Scores(found.rows, 1 - found.mean)

    def _plain(self, candidate: str, night: Night, output: Path) -> dict[str, object]:
        return {
            "model": str(self._bench.project.fitted(candidate)),
            "keys": list(self._bench.project.keys),
            "night": str(night.path),
            "output": str(output),
        }

    def _written(self, name: str, ask: Callable[[Path], float]) -> tuple[float, Scores]:
        output = self._bench.output(name)
        seconds = ask(output)
        found = scores(output)
        shutil.rmtree(output)
        return seconds, found

    def _session(self, carrier: str) -> Contender:
        return self._once(carrier, lambda: self._bench.session(carrier, carrier))

    def _pool(self) -> Contender:
        return self._once(
            "pool",
            lambda: self._bench.contender("sklearn_pool", str(CORES), environment=ONE_THREAD),
        )

    def _mlflow_server(self) -> Contender:
        build = self._bench.build

        def start() -> Contender:
            python = peer_env.mlflow(build / "mlflow-env")
            scratch = self._bench.output("mlflow-models")
            scratch.mkdir()
            java = str(java_home(self._bench.project.root / layout.WORK))
            return self._bench.contender(
                "mlflow_udf",
                *(MASTER, str(BATCH_ROWS), str(scratch)),
                python=python,
                environment={**ONE_THREAD, "JAVA_HOME": java},
            )

        return self._once("mlflow", start)

    def _once(self, name: str, start: Callable[[], Contender]) -> Contender:
        if name not in self._started:
            self._started[name] = self._at_the_end.enter_context(start())
        return self._started[name]
