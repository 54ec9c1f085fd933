"""Scores of both carriers compared with scikit-learn's own, row by row, over half a year.

``make parity`` scores every night of July to December in the project that ``make demo`` made
and gated, once through each carrier, and asks the fitted pipeline's ``predict_proba`` for the
same rows. Limits on publication are lifted: what is compared is what the model says.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.contract.columns import Columns
from assay.project import layout, params
from assay.score.stage import named_nights
from tests.projects import ROOT
from tests.scorer import Scorer

CARRIERS = ("local", "files")
DEMO = ROOT / "build" / "demo"
TOLERANCE = 1e-12


@dataclass(frozen=True)
class Found:
    """What came of one night through one carrier."""

    scored: int
    refused: int
    largest: float


def compared(scorer: Scorer, night: str) -> Found:
    """Score a night and compare each of its scores with scikit-learn's.

    Raises
    ------
    AssertionError
        A row that was not refused has no score, or a key has several.
    """
    report = scorer.score(night)
    contract, keys = scorer.pinned.contract, list(scorer.pinned.contract.keys)
    folder = scorer.root / layout.RAW / f"{scorer.store.column}={night}"
    raw = pq.read_table(folder, partitioning=None)
    wanted = scorer.pinned.bundle.model.scores(Columns(contract, raw))
    expected = raw.select(keys).append_column("wanted", pa.array(wanted))
    got = scorer.store.predictions(night).select([*keys, "probability"])
    both = _cast(expected, got).join(got, keys, join_type="inner")
    refused = scorer.store.quarantine(night).num_rows
    assert both.num_rows == got.num_rows == raw.num_rows - refused, report
    apart = pc.max(pc.abs(pc.subtract(both["wanted"], both["probability"]))).as_py()
    return Found(got.num_rows, refused, 0.0 if apart is None else float(apart))


def _cast(expected: pa.Table, got: pa.Table) -> pa.Table:
    types = {field.name: field.type for field in got.schema}
    schema = [pa.field(one.name, types.get(one.name, one.type)) for one in expected.schema]
    return expected.cast(pa.schema(schema))


def main(argv: Sequence[str] | None = None) -> int:
    """Print the largest difference of each carrier; 1 if one is over ``TOLERANCE``."""
    from assay.score.spark.session import session

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--root", type=Path, default=DEMO, help="(build/demo)")
    parser.add_argument("--from", dest="first", default="2013-07-01", help="(%(default)s)")
    parser.add_argument("--to", dest="last", default="2013-12-31", help="(%(default)s)")
    chosen = parser.parse_args(argv)
    if not (chosen.root / layout.BUNDLE).is_dir():
        print(f"{chosen.root}: no bundle there; run make demo first", file=sys.stderr)
        return 2
    days = named_nights(chosen.root, params.load(chosen.root), chosen.first, chosen.last)
    worst = 0.0
    with tempfile.TemporaryDirectory(prefix="assay-parity-") as scratch:
        spark = session(params.load(chosen.root), Path(scratch))
        try:
            for carrier in CARRIERS:
                worst = max(worst, _through(chosen.root, spark, Path(scratch), carrier, days))
        finally:
            spark.stop()
    return 0 if worst <= TOLERANCE else 1


def _through(root: Path, spark: object, scratch: Path, carrier: str, days: Sequence[str]) -> float:
    scorer = Scorer(root, spark)
    scorer.params = scorer.params.model_copy(update={"store": str(scratch / carrier)})
    scorer.set("score", carrier=carrier)
    scorer.set("publish", min_nights=len(days) + 1, max_row_change=1e6)
    scorer.set("quarantine", max_share=1.0)
    scorer.open()
    began = time.monotonic()
    found = []
    for number, night in enumerate(days, start=1):
        found.append(compared(scorer, night))
        if sys.stderr.isatty() or number % 30 == 0:
            print(f"{carrier}: {number} of {len(days)} nights", file=sys.stderr)
    largest = float(np.max([one.largest for one in found]))
    print(
        f"{carrier} carrier: {sum(one.scored for one in found):,} scores of {len(days)} nights, "
        f"{sum(one.refused for one in found):,} rows refused; furthest from scikit-learn's: "
        f"{largest:.3g} (allowed {TOLERANCE:g}); {time.monotonic() - began:.0f} s",
        flush=True,
    )
    return largest


if __name__ == "__main__":
    sys.exit(main())
