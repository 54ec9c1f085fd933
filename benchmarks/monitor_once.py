"""One call of `assay monitor --date` in a process of its own, on the store that it is told.

Arguments: the project's root, the store, the folder of the input, the night.
"""

from __future__ import annotations

import sys
from pathlib import Path

from assay.errors import LimitCrossed
from assay.monitor import monitor_night
from assay.project import params


def main() -> None:
    root, store, folder, night = sys.argv[1:]
    given = params.load(Path(root))
    score = type(given.score).model_validate({**given.score.model_dump(), "input": folder})
    given = given.model_copy(update={"score": score, "store": store})
    try:
        summary = monitor_night.run(Path(root), given, night)
    except LimitCrossed:
        return
    if not summary.sample_rows:
        raise SystemExit("the page shows no sample")


if __name__ == "__main__":
    main()
