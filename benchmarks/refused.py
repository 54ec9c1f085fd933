"""What rows cost that the contract refuses, and text that no model reads.

One task's work on a night as it is, with one row of a thousand refused, and with a text of a
thousand letters in each row besides. Seconds are the CPU's, of all threads.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.bench import Bench, Night
from benchmarks.measure import in_turns, say
from benchmarks.profile_cost import SHARE, Pass
from benchmarks.results import Result

EVERY = 1_000
"""One row of how many is refused."""
WIDE = 1_000
"""Letters of the text."""
COLUMN, IMPOSSIBLE = "distance", -1
TURNS = 7


def run(bench: Bench) -> list[Result]:
    """The same night with and without them, in turns."""
    plain = bench.night(max(100_000, int(bench.rows * SHARE)))
    works = {
        "as it is": Pass(bench, "boosting", plain),
        "refused": Pass(bench, "boosting", _changed(plain, "refused", 0)),
        "refused and text": Pass(bench, "boosting", _changed(plain, "text", WIDE)),
    }
    for each in works.values():
        each.run()
    turns = {name: work.run for name, work in works.items()}
    seconds = in_turns(turns, TURNS, "refused rows")
    return [
        bench.result(
            f"one row of {EVERY:,} {name}: scoring pass, against none",
            seconds[name],
            seconds["as it is"],
            target=target,
            better="lower",
            rows=plain.rows,
            unit="s of CPU",
            cores=1,
        )
        for name, target in (("refused", 1.05), ("refused and text", 1.1))
    ]


def _changed(night: Night, name: str, letters: int) -> Night:
    """A copy of a night with refused rows and, if ``letters``, a column of text."""
    folder = night.folder.parent / f"{night.rows}-{name}"
    target = folder / night.path.name
    if not target.exists():
        say(f"writing a night of {night.rows:,} rows ({name}, once)")
        made = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        words = _words()
        for path in sorted(night.path.glob("*.parquet")):
            _rewrite(path, made / path.name, letters, words)
        folder.mkdir(exist_ok=True)
        made.rename(target)
    return Night(folder, night.value, target, night.rows)


def _rewrite(source: Path, target: Path, letters: int, words: Iterator[str]) -> None:
    file, writer = pq.ParquetFile(source), None
    for group in range(file.num_row_groups):
        rows = file.read_row_group(group)
        at = rows.schema.get_field_index(COLUMN)
        values = rows.column(at).to_numpy().copy()
        values[EVERY // 2 :: EVERY] = IMPOSSIBLE
        rows = rows.set_column(at, rows.schema.field(at), pa.array(values, rows.schema.types[at]))
        if letters:
            text = ["".join(next(words) for _ in range(letters // 10)) for _ in range(len(rows))]
            rows = rows.append_column("note", pa.array(text))
        writer = writer or pq.ParquetWriter(target, rows.schema, compression="snappy")
        writer.write_table(rows)
    if writer is not None:
        writer.close()


def _words() -> Iterator[str]:
    """Pieces of ten letters that do not compress away."""
    rng = np.random.default_rng(20130101)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz ,.'"))
    pieces = ["".join(rng.choice(letters, 10)) for _ in range(5_000)]
    while True:
        yield from (pieces[place] for place in rng.integers(0, len(pieces), 10_000))
