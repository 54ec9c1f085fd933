"""One call of `assay monitor --date --evidently` in a process of its own, on the store it is told.

Arguments: the project's root, the store, the folder of the input, the night. Prints how many rows
Evidently's report is of.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from assay.errors import LimitCrossed
from assay.errors.base import attached_report
from assay.monitor import monitor_night
from assay.monitor.nights.summary import NightSummary
from assay.project import params


def main() -> None:
    root, store, folder, night = sys.argv[1:]
    given = params.load(Path(root))
    score = type(given.score).model_validate({**given.score.model_dump(), "input": folder})
    given = given.model_copy(update={"score": score, "store": store})
    found: object
    try:
        found = monitor_night.run(Path(root), given, night, evidently=True)
    except LimitCrossed as error:
        found = attached_report(error)
    assert isinstance(found, NightSummary)
    print(json.dumps({"sample_rows": found.sample_rows}))


if __name__ == "__main__":
    main()
