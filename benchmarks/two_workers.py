"""Two cluster workers of one core each against one of them, beside the floor.

What the floor gains from a second process is what the machine's memory and disk let anybody gain
who reads and writes so: two cores share them.
"""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.bench import TOUCH_ROWS, Bench, Night
from benchmarks.contender import SPARK_CONF, Contender
from benchmarks.measure import in_turns
from benchmarks.results import Result
from tests.cluster import cluster

CANDIDATE = "boosting"
NAMES = {2: "two workers of one core", 1: "one worker of one core"}
FLOORS = {2: "the floor in two processes", 1: "the floor in one process"}


def run(bench: Bench) -> list[Result]:
    """Full runs of the files carrier; each side has a cluster and a driver of its own."""
    night, touch = bench.night(bench.rows), bench.night(TOUCH_ROWS)
    with ExitStack() as at_the_end:
        sessions = {}
        for workers in NAMES:
            place = bench.output(f"cluster-{workers}")
            running = at_the_end.enter_context(cluster(place, workers=workers, cores=1))
            conf = {**SPARK_CONF, **running.conf}
            session = bench.session(f"cluster-{workers}", master=running.url, conf=conf)
            sessions[workers] = at_the_end.enter_context(session)
        floors = {each: at_the_end.enter_context(bench.floor(each)) for each in NAMES}

        def rate(session: Contender, night: Night) -> float:
            bench.full(session, CANDIDATE, touch, "files")
            return float(night.rows / bench.full(session, CANDIDATE, night, "files")["seconds"])

        def floor_rate(pool: Contender, night: Night) -> float:
            bench.floor_seconds(pool, touch)
            return night.rows / bench.floor_seconds(pool, night)

        runs = {
            name: lambda session=sessions[workers]: rate(session, night)
            for workers, name in NAMES.items()
        }
        for processes, name in FLOORS.items():
            runs[name] = lambda pool=floors[processes]: floor_rate(pool, night)
        found = in_turns(runs, bench.repeats, "cluster")
    two, one, two_floors, one_floor = (found[each] for each in (*NAMES.values(), *FLOORS.values()))
    return [
        bench.result(
            "HGB: full run on two cluster workers of one core, against one", two, one, target=1.8
        ),
        bench.result(
            "The floor: pyarrow in two processes, scoring nothing, against one",
            two_floors,
            one_floor,
            target=None,
        ),
        bench.result(
            "HGB: full run on two cluster workers of one core, against the floor in two processes",
            two,
            two_floors,
            target=None,
        ),
    ]
