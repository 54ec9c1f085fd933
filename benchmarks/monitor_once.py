"""One call of `assay monitor --date --evidently` in a process of its own, on the store it is told.

Arguments: the project's root, the store, the folder of the input, the night. Prints whether
Evidently's report is of some rows.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

from assay.errors import LimitCrossed
from assay.monitor import monitor_nights
from assay.monitor.nights.night import EVIDENTLY, night_path
from assay.project import params


def main() -> None:
    root, store, folder, night = sys.argv[1:]
    given = params.load(Path(root))
    score = type(given.score).model_validate({**given.score.model_dump(), "input": folder})
    given = given.model_copy(update={"score": score, "store": store})
    report = Path(root) / night_path(night, EVIDENTLY)
    report.unlink(missing_ok=True)
    with suppress(LimitCrossed):
        monitor_nights.run(Path(root), given, night, night, evidently=True)
    print(json.dumps({"sampled": "a sample of" in report.read_text(encoding="utf-8")}))


if __name__ == "__main__":
    main()
