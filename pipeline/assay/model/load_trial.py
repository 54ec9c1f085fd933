"""Parse a model in a process of its own first, because the parser may end the process.

XGBoost, LightGBM and CatBoost read a model in C++, without all the checks that a damaged or crafted
file needs: some such files end the process that reads them or scores a row, by SIGSEGV or SIGABRT.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from assay.compiled import fitted_model
from assay.errors import BundleChanged
from assay.model import model as models
from assay.project import source_code
from assay.project.processes import python_command, python_environment
from assay.project.tasks import Task

LIBRARIES = frozenset({"catboost", "lightgbm", "xgboost"})
SECONDS = 300.0


def loads(
    data: bytes,
    *,
    task: Task,
    numeric: Sequence[str],
    categorical: Sequence[str],
    allow_types: Sequence[str],
    code: source_code.Files = source_code.NONE,
) -> fitted_model.Model:
    """As `assay.model.model.loads`, for a model that nobody loaded before.

    Raises
    ------
    BundleChanged
        Also: it is one of the `LIBRARIES`, and the process that loads it and scores a row dies, or
        takes longer than `SECONDS`.
    """
    given = {"task": task, "numeric": [*numeric], "categorical": [*categorical]}
    more = {"allow_types": [*allow_types], "code": {**code}}
    if LIBRARIES & {name.partition(".")[0] for name in models.untrusted_types(data)}:
        _refuse_deadly(data, {**given, **more})
    return models.loads(
        data,
        task=task,
        numeric=numeric,
        categorical=categorical,
        allow_types=allow_types,
        code=code,
    )


def _refuse_deadly(data: bytes, given: Mapping[str, Any]) -> None:
    head = json.dumps(given).encode()
    try:
        done = subprocess.run(
            python_command("assay.model.load_trial"),
            input=head + b"\n" + data,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=python_environment(os.environ),
            timeout=SECONDS,
        )
        # An exception is raised again, and told, where the model is loaded for good.
        ended = _name(done.returncode) if done.returncode < 0 else ""
    except subprocess.TimeoutExpired:
        ended = f"nothing within {SECONDS:g} s"
    if ended:
        raise BundleChanged(
            "loading the model and scoring a row ended the process that tried it",
            where=fitted_model.FILE,
            found=ended,
            fix="Restore it with dvc checkout --force, or make it again with dvc repro --force.",
        )


def _name(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def main() -> None:
    """Load the model on standard input, and score a row of zeros and one without values."""
    import pandas as pd

    from assay.columns.features import FrameFeatures

    given = json.loads(sys.stdin.buffer.readline())
    loaded = models.loads(sys.stdin.buffer.read(), **given)
    rows = pd.DataFrame({name: [0.0, None] for name in loaded.numeric}, dtype="float64")
    for name in loaded.categorical:
        rows[name] = pd.Series([None, None], dtype=object)
    loaded.scores(FrameFeatures(rows))


if __name__ == "__main__":
    main()
