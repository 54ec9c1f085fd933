"""Three airports learn together: coefficients, what each reaches alone, and what it costs.

``python -m benchmarks.federate_flights PROJECT`` takes the prepared tables of a project with the
flights (``make demo`` leaves one in build/demo), gives each airport of ``origin`` its own rows, and
runs `assay federate` in a process for each. The same model of all rows in one table, by
scikit-learn, is what the coefficients are compared with.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from assay.contract.columns import to_frame
from assay.contract.loader import load_contract
from assay.project import layout, params
from assay.training.candidates.agreed import AgreedModel, AgreedPipeline
from assay.training.train.fit import training_rows

ASSAY = str(Path(sys.executable).parent / "assay")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.federate_flights", description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--by", default="origin", help="the column that tells sites apart")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="assay-federate-") as scratch:
        roots = _sites(asked.project, asked.by, Path(scratch))
        began = time.monotonic()
        running = [
            subprocess.Popen(
                [
                    *(ASSAY, "federate", "--root", str(root), "--site", site),
                    *("--folder", f"{scratch}/shared", "--session", "bench"),
                ]
            )
            for site, root in roots.items()
        ]
        if any(process.wait() for process in running):
            return 1
        wall = time.monotonic() - began
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        made = AgreedModel.read(next(iter(roots.values())))
        sent = sum(file.stat().st_size for file in Path(scratch, "shared").rglob("*.json"))
        print(
            f"{made.rows:,} rows, {len(made.coefficients)} coefficients, {made.rounds} rounds, "
            f"{wall:.1f} s, {(spent.ru_utime + spent.ru_stime) / len(roots):.1f} s of a core and "
            f"{sent / len(roots) / 1000:,.0f} kB a site"
        )
        print(f"furthest from scikit-learn on all rows: {_furthest(asked.project, made):.1e}")
    return 0


def _sites(project: Path, by: str, scratch: Path) -> dict[str, Path]:
    tables = {
        name: pd.read_parquet(project / name) for name in (layout.TRAIN_TABLE, layout.HOLDOUT_TABLE)
    }
    names = sorted(tables[layout.TRAIN_TABLE][by].unique())
    roots = {}
    for name in names:
        root = roots[name] = scratch / name
        root.mkdir()
        shutil.copy(project / layout.PARAMS, root)
        with (root / layout.PARAMS).open("a", encoding="utf-8") as file:
            file.write(f"\nfederate:\n  sites: [{', '.join(names)}]\n")
        shutil.copytree(
            project / "data", root / "data", ignore=shutil.ignore_patterns("*.parquet", "raw")
        )
        for table, frame in tables.items():
            (root / table).parent.mkdir(parents=True, exist_ok=True)
            frame[frame[by] == name].to_parquet(root / table)
    return roots


def _furthest(project: Path, made: AgreedModel) -> float:
    from sklearn.linear_model import LogisticRegression

    values = params.load(project)
    contract = load_contract(project / values.contract.file, values.contract.file, root=project)
    frame = to_frame(contract, pq.read_table(project / layout.TRAIN_TABLE))
    rows = training_rows(contract, "binary", frame)
    encoder, _ = (step for _, step in AgreedPipeline(made.text()).fit(None, rows.target).steps)
    pooled = LogisticRegression(
        C=1 / made.penalty, solver="newton-cholesky", tol=1e-12, max_iter=1_000
    ).fit(encoder.transform(rows.features), rows.target)
    found = np.append(pooled.coef_[0], pooled.intercept_)
    return float(np.abs(found - [*made.coefficients, made.intercept]).max())


if __name__ == "__main__":
    sys.exit(main())
