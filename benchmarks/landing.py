"""A large CSV night, landed as Parquet: ``python -m benchmarks.landing --gb 10``.

Time and peak memory of `assay.score.inputs.text`, which keeps what cannot be read, beside those of
pyarrow's own streaming conversion, which gives up at the first line that it cannot read. The peak
must not grow with the file: it is measured for a tenth of it too. Rows must be as many as lines.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

NAMES = ("id", "at", "depot", "note", "weight", "distance", "express", "price", "code", "size")
PIECE = 200_000
GROWN = 1.3
"""Times the peak for a tenth of the file, above which memory counts as growing with it."""


def made(path: Path, size: float) -> int:
    """Write a CSV of about so many bytes; returns its rows. Some cells are quoted."""
    drawn, rows = np.random.default_rng(7), 0
    with path.open("wb") as file:
        file.write(",".join(NAMES).encode() + b"\n")
        while file.tell() < size:
            number = np.arange(rows, rows + PIECE)
            table = pa.table(
                {
                    "id": number,
                    "at": pa.array(1_709_251_200 + number % 86_400, pa.timestamp("s")),
                    "depot": drawn.choice(["north", "south", "west"], PIECE),
                    "note": drawn.choice(
                        ['left, at "door"', "none", "call first, then ring"], PIECE
                    ),
                    "weight": drawn.gamma(2.0, 3.0, PIECE),
                    "distance": drawn.gamma(3.0, 50.0, PIECE),
                    "express": drawn.random(PIECE) < 0.2,
                    "price": drawn.gamma(2.0, 9.0, PIECE).round(2),
                    "code": drawn.integers(0, 1 << 40, PIECE),
                    "size": drawn.integers(0, 100, PIECE),
                }
            )
            pacsv.write_csv(table, file, pacsv.WriteOptions(include_header=False))
            rows += PIECE
    return rows


def land(path: Path, target: Path) -> None:
    """As a night is landed."""
    from assay.project.params.inputs import Csv
    from assay.score.inputs.files import list_tree
    from assay.score.inputs.text_format import text_rows

    rows = text_rows(Csv(format="csv", path=str(path)), list_tree(str(path)))
    rows.land(str(target), None, None)  # type: ignore[arg-type]


def stream(path: Path, target: Path) -> None:
    """As pyarrow converts a file by itself, with cells as text."""
    kinds = dict.fromkeys(NAMES, pa.string())
    writer = None
    for batch in pacsv.open_csv(
        path,
        pacsv.ReadOptions(block_size=4 << 20),
        convert_options=pacsv.ConvertOptions(column_types=kinds),
    ):
        writer = writer or pq.ParquetWriter(target / "rows.parquet", batch.schema)
        writer.write_batch(batch)
    if writer is not None:
        writer.close()


def measured(what: str, path: Path) -> tuple[float, float, float, int]:
    """Seconds, seconds of all cores, peak in GB and rows of one way, in a process of its own."""
    with tempfile.TemporaryDirectory(dir=path.parent) as target:
        command = [sys.executable, "-m", __spec__.name, what, str(path), target]
        began = time.monotonic()
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        peak, busy = map(float, told.split())
        seconds = time.monotonic() - began
        rows = sum(pq.read_metadata(each).num_rows for each in Path(target).iterdir())
    return seconds, busy, peak, rows


def main() -> int:
    """0 if no row was lost and memory did not grow with the file."""
    if len(sys.argv) == 4 and sys.argv[1] in ("land", "stream"):
        (land if sys.argv[1] == "land" else stream)(Path(sys.argv[2]), Path(sys.argv[3]))
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(used.ru_maxrss * 1024 / 1e9, used.ru_utime + used.ru_stime)
        return 0
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", type=float, default=10.0)
    size = parser.parse_args().gb * 1e9
    place = Path(tempfile.mkdtemp(prefix="assay-landing-"))
    good, peaks = True, []
    try:
        for part in (size / 10, size):
            path = place / "night.csv"
            rows = made(path, part)
            for what in ("land", "stream"):
                seconds, busy, peak, found = measured(what, path)
                good &= found == rows
                name = "assay" if what == "land" else "pyarrow"
                print(
                    f"{part / 1e9:.1f} GB, {rows:,} rows, {name}: {seconds:.0f} s, {busy:.0f} s of "
                    f"cores ({part / 1e6 / busy:.0f} MB/s), peak {peak:.2f} GB, {found:,} landed",
                    flush=True,
                )
                if what == "land":
                    peaks.append(peak)
    finally:
        shutil.rmtree(place)
    return 0 if good and peaks[1] <= GROWN * peaks[0] else 1


if __name__ == "__main__":
    sys.exit(main())
