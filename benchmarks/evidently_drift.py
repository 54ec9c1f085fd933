"""The peer: Evidently's DataDriftPreset on two Parquet files or folders, read with pandas.

Arguments: the current rows, the reference rows, columns of numbers, columns of categories (names
joined by commas). It says how many seconds its parts took, and how many columns it judged.
"""

from __future__ import annotations

import json
import sys
import time
import warnings


def main() -> None:
    started = time.perf_counter()
    warnings.simplefilter("ignore")
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    imported = time.perf_counter()
    current, reference, *columns = sys.argv[1:]
    numbers, categories = (names.split(",") for names in columns)
    frames = [
        pd.read_parquet(path, columns=[*numbers, *categories]) for path in (current, reference)
    ]
    read = time.perf_counter()
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
    snapshot = Report([DataDriftPreset()]).run(
        *(Dataset.from_pandas(frame, data_definition=definition) for frame in frames)
    )
    judged = [each for each in snapshot.dict()["metrics"] if "ValueDrift" in json.dumps(each)]
    answer = {
        "rows": len(frames[0]),
        "columns": len(judged),
        "import": imported - started,
        "read": read - imported,
        "report": time.perf_counter() - read,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
