"""How fast and how large exported models are: C, ONNX in onnxruntime, and Assay in Python.

    python -m benchmarks.edge --leaves 31

Writes reports/benchmarks/edge.md. All score the same rows of the same model, 200 trees of histogram
boosting, with one thread, in turns; C by the compiler that `assay export-model` takes.
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from assay.columns.features import FrameFeatures
from assay.compiled import CompiledModel
from assay.compiled.compile import compile_model
from assay.compiled.edge_cases import FeaturesInMemory, load_features
from assay.compiled.fitted_model import Model
from assay.contract.definition import Contract, Field, Role
from assay.edge import c_check, onnx_check, onnx_graph
from assay.edge.c_source import Export, write_c
from assay.edge.rules import DeviceRules
from assay.model.manifest import Manifest
from assay.training.candidates.pipeline import encoded_pipeline
from benchmarks.contender import ROOT
from benchmarks.measure import in_turns

PAGE = ROOT / "reports/benchmarks/edge.md"
NUMERIC = tuple(f"x{number}" for number in range(15))
CATEGORICAL = ("place", "line", "kind")
ROWS = 2_000
TIMER = """
#include <time.h>
#include "bench.h"
double spent(const bench_row *rows, int count, int turns, double *scores)
{
    const clock_t start = clock();
    bench_result result;
    for (int turn = 0; turn < turns; turn++)
        for (int i = 0; i < count; i++) {
            bench_score(&rows[i], &result);
            scores[i] = result.scores[0];
        }
    return (double)(clock() - start) / CLOCKS_PER_SEC;
}
"""


def drawn(rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers and categories, of which some act together, and a label."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(rows, len(NUMERIC))), columns=list(NUMERIC))
    for name, count in zip(CATEGORICAL, (100, 16, 4), strict=True):
        frame[name] = np.array([f"{name}-{number}" for number in range(count)])[
            rng.integers(0, count, rows)
        ]
    value = frame["x0"] * frame["x1"] + frame["x2"] - frame["x3"] ** 2 + frame["x4"] * frame["x5"]
    value += frame["place"].str[-1].astype(int) / 4 * (frame["kind"] == "kind-1")
    return frame, (value + rng.normal(size=rows) > 0).to_numpy()


def exported(trees: int, leaves: int) -> tuple[Export, FeaturesInMemory]:
    frame, label = drawn(50_000)
    boosting = HistGradientBoostingClassifier(max_iter=trees, max_leaf_nodes=leaves)
    made = encoded_pipeline(boosting, "auto", NUMERIC, CATEGORICAL, seed=1, ordered={})
    model = Model(made.pipeline.fit(frame, label), None, NUMERIC, CATEGORICAL)
    compiled = CompiledModel.from_bytes(compile_model(model, "binary", ()).to_bytes(), "bench")
    fields = [
        Field(name, (Role.FEATURE,), "string" if name in CATEGORICAL else "float", True, 1)
        for name in (*NUMERIC, *CATEGORICAL)
    ]
    contract = Contract("Rows", "contract.py", "", tuple(fields), (), "label", has_label=False)
    said: Any = SimpleNamespace(
        name="bench", task="binary", classes=(), label="label", threshold=0.5, contract_digest="",
        features=(*NUMERIC, *CATEGORICAL),
    )  # fmt: skip
    sample = load_features(FrameFeatures(frame[:ROWS]), NUMERIC, CATEGORICAL)
    stated = cast("Manifest", said)
    export = Export("v0", "b0", stated, contract, DeviceRules((), ()), compiled)
    return export, sample


def shared_library(export: Export, folder: Path) -> tuple[Any, int, int]:
    """The export as a library with a timer; bytes of its source, and of its object by -Os."""
    for name, text in {**write_c(export), "timer.c": TIMER}.items():
        (folder / name).write_text(text, encoding="utf-8")
    cc = c_check.find_compiler()
    shared = ["-shared", "-fPIC", "bench.c", "timer.c", "-o", "bench.so", "-lm"]
    subprocess.run([*cc, *c_check.FLAGS, *shared], cwd=folder, check=True)
    objects = ["-std=c99", "-Os", "-c", "bench.c"]
    subprocess.run([*cc, *objects], cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "bench.so"))
    library.spent.restype = ctypes.c_double
    sizes = ((folder / name).stat().st_size for name in ("bench.c", "bench.o"))
    return library, *sizes


def c_rows(rows: FeaturesInMemory) -> Any:
    class Row(ctypes.Structure):
        _fields_ = [
            ("numbers", ctypes.c_double * len(NUMERIC)),
            ("texts", ctypes.c_char_p * len(CATEGORICAL)),
        ]

    made = (Row * rows.rows)()
    for at in range(rows.rows):
        for place, name in enumerate(NUMERIC):
            made[at].numbers[place] = rows.of_numbers[name][at]
        for place, name in enumerate(CATEGORICAL):
            codes, categories = rows.of_categories[name]
            made[at].texts[place] = categories.objects[codes[at]].encode()
    return made


def microseconds(work: Callable[[], object], rows: int) -> float:
    """Of a core, a row."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1e6 / rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trees", type=int, default=200)
    parser.add_argument("--leaves", type=int, default=31)
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    export, rows = exported(given.trees, given.leaves)
    wanted = export.model.scores(rows)
    with tempfile.TemporaryDirectory() as folder:
        library, source, machine = shared_library(export, Path(folder))
        data = onnx_graph.write_onnx(export)
        session = onnx_check.session(data)
        in_c, scores = c_rows(rows), (ctypes.c_double * ROWS)()
        alone = [rows.take(np.array([at])) for at in range(200)]
        answers = onnx_check.runner(session, export.model)
        feeds = [onnx_check.feed(row, export.model) for row in alone]

        def c() -> float:
            return float(library.spent(in_c, ROWS, 20, scores)) * 1e6 / (20 * ROWS)

        def one_by_one() -> None:
            for feed in feeds:
                session.run(["scores"], feed)

        def python_one_by_one() -> None:
            for row in alone:
                export.model.scores(row)

        runs: dict[str, Callable[[], float]] = {
            "C, a row alone": c,
            "onnxruntime, a row alone": lambda: microseconds(one_by_one, len(alone)),
            "Assay in Python, a row alone": lambda: microseconds(python_one_by_one, len(alone)),
            "onnxruntime, 2,000 rows at once": lambda: microseconds(lambda: answers(rows), ROWS),
            "Assay in Python, 2,000 rows at once": lambda: microseconds(
                lambda: export.model.scores(rows), ROWS
            ),
        }
        for run in runs.values():
            run()  # compiles, and warms up
        found = in_turns(runs, given.turns, "edge")
        assert np.abs(np.array(scores) - wanted).max() <= 1e-12
    peer = found["onnxruntime, a row alone"]
    lines = [
        "# Exported models",
        "",
        f"By `python -m benchmarks.edge`: {given.trees} trees of {given.leaves} leaves, "
        f"{len(NUMERIC)} numbers and {len(CATEGORICAL)} categories, one thread, "
        f"{given.turns} turns. The ratio is to onnxruntime, a row alone, with its lowest and "
        "highest of one turn.",
        "",
        "| who | microseconds a row | ratio |",
        "|---|--:|--:|",
    ]
    for name, spent in found.items():
        each = sorted(one / other for one, other in zip(spent, peer, strict=True))
        lines.append(
            f"| {name} | {statistics.median(spent):.1f} | {statistics.median(each):.2f} "
            f"({each[0]:.2f} to {each[-1]:.2f}) |"
        )
    lines += [
        "",
        f"C: {source / 1000:,.0f} kB of source, {machine / 1000:,.0f} kB as an object file by "
        f"`-Os`. ONNX: {len(data) / 1000:,.0f} kB.",
    ]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
