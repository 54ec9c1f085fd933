"""What wide tables and large vocabularies take: ``python -m benchmarks.wide_tables``.

Two made-up tables, and the commands of a project on each, every one in a process of its own:

- ``wide``: 500 columns and 150,000 rows; the peak memory of each stage up to the rehearsal, held to
  4 GB.
- ``categories``: a column of a million categories, and beside it one of ten; the peak of training,
  held to 2 GB, whether the model is compiled, and the time to score a batch of each, held to twice.
  The table of ten has a quarter of the rows: its model has as many trees and leaves.

The peak is the kernel's, of the process or of the largest that it started.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contender import ROOT

WIDE_GB, TRAINING_GB, RATIO = 4.0, 2.0, 2.0
DAYS = 30
STAGES = ("ingest", "contract", "prepare", "leakage")
LATER = ("select", "evaluate", "champion", "compare", "nights", "rehearse")
TURNS = 7

PARAMS = """\
name: wide
seed: 1
ingest: {{source: data.source.rows, partition_by: day}}
contract: {{file: data/contract.py}}
prepare:
  train: {{from: "2024-01-01", to: "2024-01-24"}}
  holdout: {{from: "2024-01-25", to: "2024-01-30"}}
train:
  select_by: log_loss
  folds: 2
  candidates: {candidates}
gate:
  tests: tests/model
  rules: [{{name: ranks, metric: auc, min: 0.5, owner: nobody, because: a coin does}}]
registry: {{stage: prod}}
score: {{input: data/raw}}
"""

CANDIDATES = {
    "boosting": {
        "class": "sklearn.ensemble.HistGradientBoostingClassifier",
        # Few trees: what categories cost at night shows the more.
        "args": {"max_iter": 30, "early_stopping": False},
    },
    "logistic": {"class": "sklearn.linear_model.LogisticRegression"},
}

SOURCE = """\
import pyarrow.parquet as pq

def rows():
    file = pq.ParquetFile("data/table.parquet")
    for group in range(file.num_row_groups):
        yield file.read_row_group(group)
"""

CONTRACT = """\
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series


class Rows(pa.DataFrameModel):
    id: Series[int] = pa.Field(metadata={"role": "key"})
    at: Series[pd.Timestamp] = pa.Field(metadata={"role": "time"})
    label: Series[bool] = pa.Field(metadata={"role": "label"})
"""


@dataclass(frozen=True)
class Table:
    """A made-up table.

    Attributes
    ----------
    numbers, texts
        Columns of numbers, every second one with nulls, and of categories.
    categories
        Distinct values of each column of categories.
    """

    rows: int
    numbers: int
    texts: int
    categories: int

    def write(self, root: Path, candidates: Sequence[str]) -> None:
        """A project for it under ``root``, and the table itself, a day at a time."""
        (root / "data").mkdir(parents=True)
        chosen = {name: CANDIDATES[name] for name in candidates}
        text = PARAMS.format(candidates=json.dumps(chosen))
        (root / "params.yaml").write_text(text, encoding="utf-8")
        (root / "data" / "source.py").write_text(SOURCE, encoding="utf-8")
        fields = [
            f"    x{at}: Series[float] = pa.Field(nullable=True, metadata={{'role': 'feature'}})\n"
            for at in range(self.numbers)
        ]
        fields += [
            f"    c{at}: Series[str] = pa.Field(metadata={{'role': 'feature'}})\n"
            for at in range(self.texts)
        ]
        (root / "data" / "contract.py").write_text(CONTRACT + "".join(fields), encoding="utf-8")
        self._rows(root / "data" / "table.parquet")

    def _rows(self, path: Path) -> None:
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq

        random = np.random.default_rng(1)
        daily = self.rows // DAYS
        writer = None
        for day in range(DAYS):
            columns: dict[str, Any] = {
                "day": pa.array([f"2024-01-{day + 1:02d}"] * daily),
                "id": np.arange(daily) + day * daily,
                "at": np.datetime64("2024-01-01", "us")
                + np.timedelta64(day, "D")
                + np.sort(random.integers(0, 86_400, daily)).astype("timedelta64[s]"),
            }
            numbers = random.normal(size=(self.numbers, daily))
            for at, values in enumerate(numbers):
                gaps = random.random(daily) < (0.1 if at % 2 else 0.0)
                columns[f"x{at}"] = pa.array(np.where(gaps, np.nan, values), from_pandas=True)
            odds = numbers[:5].sum(axis=0) - 1
            for at in range(self.texts):
                # Four rows of five run through all categories, the fifth is of a frequent one.
                row = np.arange(daily) + day * daily
                common = random.geometric(0.1, daily) % self.categories
                chosen = np.where(row % 5 == 0, common, row * 4 // 5 % self.categories)
                odds += np.where(chosen % 3 == 0, 0.5, 0.0)
                columns[f"c{at}"] = pa.array([f"category {each:07d}" for each in chosen])
            columns["label"] = random.random(daily) < 1 / (1 + np.exp(-odds))
            table = pa.table(columns)
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
        assert writer is not None
        writer.close()


def measured(command: Sequence[str], root: Path) -> tuple[float, float, str]:
    """Seconds, peak in GB and output of a command, which has to end well."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as sink:
        child = subprocess.Popen(
            command,
            cwd=root,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "pipeline"), str(ROOT)])},
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        sink.seek(0)
        told = sink.read().decode()
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended {child.returncode}:\n{told}")
    return time.monotonic() - began, used.ru_maxrss * 1024 / 1e9, told


def stage(root: Path, *command: str) -> float:
    """The peak of a command of Assay, which is printed with its time and what it told."""
    seconds, peak, told = measured([sys.executable, "-m", "assay.cli", "stage", *command], root)
    print(f"{' '.join(command):<20}{peak:6.2f} GB {seconds:7.1f} s", flush=True)
    for line in told.splitlines():
        if "categor" in line or "compiled" in line:
            print(f"    {line}", flush=True)
    return peak


def made(place: Path, table: Table, candidates: Sequence[str]) -> None:
    """A project, in git as the commands want it; made in a process of its own, to stay small."""
    code = (
        "from pathlib import Path; from benchmarks.wide_tables import Table; "
        f"{table!r}.write(Path({str(place)!r}), {list(candidates)!r})"
    )
    measured([sys.executable, "-c", code], ROOT)
    measured(["git", "init", "-q"], place)


def wide(place: Path, rows: int) -> bool:
    """Every stage on 500 columns."""
    made(place, Table(rows, 485, 12, 300), list(CANDIDATES))
    peaks = [stage(place, name) for name in STAGES]
    peaks += [stage(place, "train", name) for name in CANDIDATES]
    peaks += [stage(place, name) for name in LATER]
    print(f"the most: {max(peaks):.2f} GB, held to {WIDE_GB:g}")
    return max(peaks) < WIDE_GB


def categories(place: Path, rows: int) -> bool:
    """Training and scoring with a million categories, and with ten."""
    many, few = place / "many", place / "few"
    peak = 0.0
    for root, count, length in ((many, 1_000_000, rows), (few, 10, rows // 4)):
        made(root, Table(length, 5, 1, count), ["boosting"])
        for name in STAGES:
            stage(root, name)
        peak = max(peak, stage(root, "train", "boosting"))
    good = peak < TRAINING_GB
    print(f"training: {peak:.2f} GB, held to {TRAINING_GB:g}")
    for batch in (500, 50_000):
        taken: dict[Path, list[float]] = {many: [], few: []}
        for turn in range(TURNS):
            for root in (many, few) if turn % 2 else (few, many):
                command = [sys.executable, "-m", "benchmarks.wide_tables", "--batch", str(batch)]
                taken[root].append(float(measured([*command, "--root", str(root)], ROOT)[2]))
        ours, other = median(taken[many]), median(taken[few])
        good &= ours <= RATIO * other
        print(
            f"a batch of {batch:,}: {ours:.3g} ms, of ten categories {other:.3g} ms: "
            f"{ours / other:.2f} times, held to {RATIO:g}",
            flush=True,
        )
    return good


def batch_ms(root: Path, rows: int) -> float:
    """Milliseconds to check, score and count a batch, warm; of the holdout's first rows."""
    import pyarrow.parquet as pq

    from assay.contract.loader import load_contract
    from assay.model import bundle
    from assay.model.batch import score_batch

    loaded = bundle.load(root / "models" / "candidates" / "boosting", expected=None, allow_types=())
    assert loaded.manifest.compiled["used"], loaded.manifest.compiled["reason"]
    contract = load_contract(root / "data" / "contract.py", root=root).without_label()
    table = pq.read_table(root / "data" / "prepared" / "holdout.parquet").slice(0, rows)
    batch = table.combine_chunks()
    took = []
    for _ in range(12):
        began = time.perf_counter()
        _ = score_batch(loaded, contract, batch).profile  # counted as well as scored
        took.append(time.perf_counter() - began)
    return median(took[2:]) * 1000


def main() -> int:
    """0 if all is within what it is held to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["wide", "categories"])
    parser.add_argument("--wide-rows", type=int, default=150_000)
    parser.add_argument("--rows", type=int, default=1_600_000, help="of the table of categories")
    parser.add_argument("--keep", type=Path, help="make the projects in this folder, and keep them")
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.batch:
        print(batch_ms(given.root, given.batch))
        return 0
    place = given.keep or Path(tempfile.mkdtemp(prefix="assay-wide-"))
    try:
        good = True
        if given.only != "categories":
            good &= wide(place / "wide", given.wide_rows)
        if given.only != "wide":
            good &= categories(place / "categories", given.rows)
    finally:
        if given.keep is None:
            shutil.rmtree(place)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
