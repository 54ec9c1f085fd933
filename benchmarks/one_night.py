"""One night of the flights as it is, a thousand rows, in a warm process and in pandas.

A run of Assay does more than score, and on so few rows that is what takes the time. The page shows
where it goes.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from statistics import median

import pyarrow.parquet as pq

from assay.project import layout
from benchmarks.bench import TOUCH_ROWS, Bench
from benchmarks.contender import ONE_THREAD, Answer
from benchmarks.measure import in_turns
from benchmarks.results import Result

NIGHT = "2013-07-01"
CANDIDATE = "boosting"
TURNS = 7


def run(bench: Bench) -> list[Result]:
    """Both in warm processes; seconds."""
    project = bench.project
    path = project.root / layout.RAW / f"{project.column}={NIGHT}"
    rows = sum(pq.read_metadata(file).num_rows for file in path.glob("*.parquet"))
    answers: dict[str, list[Answer]] = {"assay": [], "pandas": []}
    touch = bench.night(TOUCH_ROWS)
    with ExitStack() as at_the_end:
        session = at_the_end.enter_context(bench.session("one-night", carrier="local"))
        pandas = at_the_end.enter_context(bench.contender("pandas_night", environment=ONE_THREAD))

        def ours() -> float:
            output = bench.output("night-store")
            answer = session.ask(
                "full",
                name=CANDIDATE,
                folder=layout.RAW,
                night=NIGHT,
                output=str(output),
                carrier="local",
            )
            shutil.rmtree(output)
            answers["assay"].append(answer)
            return float(answer["seconds"])

        def peer() -> float:
            output = bench.output("night-pandas")
            answer = pandas.ask(
                "run",
                model=str(project.fitted(CANDIDATE)),
                keys=list(project.keys),
                night=str(path),
                output=str(output),
            )
            shutil.rmtree(output)
            answers["pandas"].append(answer)
            return float(answer["seconds"])

        bench.full(session, CANDIDATE, touch, "local")
        ours(), peer()
        for each in answers.values():
            each.clear()
        found = in_turns({"assay": ours, "pandas": peer}, TURNS, "night")
    details = {
        f"{name}: {part}": median(answer["parts"].get(part, 0.0) for answer in each)
        for name, each in answers.items()
        for part in each[0]["parts"]
    }
    return [
        bench.result(
            "One night of the flights, warm process, against pandas",
            found["assay"],
            found["pandas"],
            target=2.0,
            better="lower",
            rows=rows,
            unit="s",
            details=details,
        )
    ]
