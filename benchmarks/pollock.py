"""Polluted CSV files beside their clean twins: ``python -m benchmarks.pollock --folder DIR``.

The suite is Pollock (Vitagliano, Hameed, Jiang, Reisener, Wu, Naumann, VLDB 2023): one table with
one fault in each of 2,290 copies, such as an extra quote in one cell. ``DIR`` is its folder
``polluted_files``, as in https://github.com/HPI-Information-Systems/Pollock; what it holds is not
part of Assay.

`assay init` and the other readers are given the file alone, all cells as text. A night is given
what its owners would have written down: the columns, the separator, the quote, the encoding.
pandas and DuckDB are also asked to be as lenient as the suite's authors had them.

The score is the suite's (``simple``, at most 10): the share of files that are read, and the means
of precision, recall and F1 of names, rows and cells, here without its guesses at types. It counts a
refused file or row as lost, while a row that is wrong costs no more than one that is missing. So
more columns count what nobody is told: rows that the clean twin does not have, and rows of it that
are missing without a word. Files with a remark of `assay init` are counted too.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa

from assay.contract.text_parser import LINE
from assay.errors import AssayError
from assay.formats.files.opened_table import OpenedTable
from assay.formats.understand import understand
from assay.project.params.inputs import Csv, CsvOptions
from assay.score.inputs.files import list_tree
from assay.score.inputs.text_format import text_rows

RESULTS = Path(__file__).resolve().parents[1] / "reports" / "benchmarks" / "pollock.md"
Row = tuple[str, ...]


@dataclass(frozen=True)
class Loaded:
    """What a reader made of a file; ``told`` rows were refused by name, with the others kept."""

    names: Row
    rows: list[Row]
    told: int = 0
    doubted: bool = False


@dataclass
class Tally:
    """What a reader made of all files."""

    measures: list[tuple[float, ...]] = field(default_factory=list)
    refused: int = 0
    told: int = 0
    doubted: int = 0
    wrong_files: int = 0
    wrong_rows: int = 0
    lost_rows: int = 0

    def add(self, loaded: Loaded | None, clean: Loaded) -> None:
        """Count one file; ``loaded`` is None if the reader refused it."""
        if loaded is None:
            self.refused += 1
            self.measures.append((0.0,) * 10)
            return
        there, found = Counter(clean.rows), Counter(loaded.rows)
        wrong, lost = (found - there).total(), (there - found).total()
        self.told += loaded.told
        is_wrong = wrong > 0 or bool(clean.names and loaded.names != clean.names)
        self.doubted += is_wrong and loaded.doubted
        self.wrong_rows += wrong
        self.wrong_files += is_wrong
        # A wrong row is most often one of these in another form, so not lost as well.
        self.lost_rows += max(0, lost - wrong - loaded.told)
        cells = [Counter(cell for row in each.rows for cell in row) for each in (clean, loaded)]
        self.measures.append(
            (
                1.0,
                *_agreement(Counter(clean.names), Counter(loaded.names)),
                *_agreement(there, found),
                *_agreement(*cells),
            )
        )

    @property
    def score(self) -> float:
        """Of the suite, from 0 to 10."""
        return sum(sum(each) for each in self.measures) / len(self.measures)


def _agreement(clean: Counter[Any], loaded: Counter[Any]) -> tuple[float, float, float]:
    """Precision, recall and F1; of nothing they are 1, as in the suite."""
    if not clean:
        return 1.0, 1.0, 1.0
    both = (clean & loaded).total()
    if not both:
        return 0.0, 0.0, 0.0
    precision, recall = both / loaded.total(), both / clean.total()
    return precision, recall, 2 * precision * recall / (precision + recall)


def read_clean(path: Path, given: Any) -> Loaded:
    """The twin without a fault; it has no names if the file has none."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [tuple(row) for row in csv.reader(file)]
    named = bool(given["header_lines"] and rows)
    return Loaded(rows[0] if named else (), rows[named:])


# ------------------------------------------------------------------------------- the readers


def init(path: Path, given: Any) -> Loaded:
    """As `assay init` reads it: the whole file or nothing."""
    found = understand(path)
    batches = list(OpenedTable(path, found.table).batches())
    rows = _rows(pa.table(each) for each in batches)
    trimmed = [tuple(cell.strip() for cell in row) for row in rows]  # as each of its types is
    return Loaded(tuple(batches[0]), trimmed, doubted=bool(found.remarks))


def night(path: Path, given: Any) -> Loaded:
    """As a night reads it: lines that cannot be cut go to quarantine."""
    quote = given["quotechar"]
    options = CsvOptions(
        sep=given["delimiter"][:1],
        quote=quote,
        escape=given["escapechar"] or quote,
        encoding="UTF-8" if given["encoding"] in ("ascii", "utf-8") else "windows-1252",
        multiLine=True,
    )
    spec = Csv(format="csv", path=str(path), options=options)
    source = text_rows(spec, list_tree(str(path)))
    names = tuple(given["column_names"])
    lacking = {name for file in source.files for name in names if name not in file.columns}
    if lacking:
        raise ValueError(f"no column {sorted(lacking)}")
    tables = [pa.Table.from_batches([each]) for each in source.batches()]
    torn = sum(len(each) - each.column(LINE).null_count for each in tables)
    whole = (each.filter(pa.compute.is_null(each.column(LINE))) for each in tables)
    return Loaded(names, _rows(each.select(names) for each in whole), torn)


def with_pandas(path: Path, given: Any, **lenient: Any) -> Loaded:
    """`pandas.read_csv`, all cells as text."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False, **lenient)
    return Loaded(tuple(frame.columns), [tuple(map(str, row)) for row in frame.to_numpy()])


def with_duckdb(path: Path, given: Any, **lenient: Any) -> Loaded:
    """DuckDB's sniffer, all cells as text."""
    table = duckdb.connect().read_csv(str(path), all_varchar=True, **lenient).to_arrow_table()
    return Loaded(tuple(table.column_names), _rows([table]))


def with_polars(path: Path, given: Any) -> Loaded:
    """`polars.read_csv`, all cells as text."""
    table = pl.read_csv(path, infer_schema=False).to_arrow()
    return Loaded(tuple(table.column_names), _rows([table]))


def _rows(tables: Iterable[pa.Table]) -> list[Row]:
    found: list[Row] = []
    for table in tables:
        columns = [["" if each is None else each for each in c.to_pylist()] for c in table.columns]
        found += zip(*columns, strict=True)
    return found


READERS: dict[str, Callable[[Path, Any], Loaded]] = {
    "`assay init`": init,
    "a night of Assay": night,
    "pandas": with_pandas,
    "pandas, bad lines left out": partial(with_pandas, on_bad_lines="skip"),
    "DuckDB": with_duckdb,
    "DuckDB, lenient": partial(
        with_duckdb, strict_mode=False, ignore_errors=True, null_padding=True
    ),
    "Polars": with_polars,
}


def load(reader: Callable[[Path, Any], Loaded], path: Path, given: Any) -> Loaded | None:
    """What a reader makes of a file; None if it refuses it."""
    try:
        return reader(path, given)
    except (AssayError, ValueError, duckdb.Error, pl.exceptions.PolarsError):
        return None


def parameters(path: Path) -> Any:
    """What the suite knows of a file."""
    return json.loads(path.read_text(encoding="utf-8"))


def run(folder: Path) -> dict[str, Tally]:
    """Read all files of the suite with all readers."""
    files = sorted((folder / "csv").glob("*.csv"))
    if not files:
        sys.exit(f"{folder}/csv: holds no files; see --help")
    tallies = {name: Tally() for name in READERS}
    for number, path in enumerate(files, 1):
        given = parameters(folder / "parameters" / f"{path.name}_parameters.json")
        clean = read_clean(folder / "clean" / path.name, given)
        for name, reader in READERS.items():
            loaded = load(reader, path, given)
            tallies[name].add(loaded, clean)
        if number % 200 == 0:
            print(f"{number:,} of {len(files):,} files", file=sys.stderr)
    return tallies


def page(tallies: dict[str, Tally]) -> str:
    """The table for people."""
    lines = [
        "# Polluted CSV files",
        "",
        "Written by `python -m benchmarks.pollock`, which says what is counted. Files are those of",
        "[Pollock](https://github.com/HPI-Information-Systems/Pollock), "
        f"{len(next(iter(tallies.values())).measures):,} of them.",
        "",
        "| reader | score of 10 | files refused | rows refused by name | files with a wrong row or "
        "name | of these with a remark | wrong rows | rows lost without a word |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, tally in tallies.items():
        lines.append(
            f"| {name} | {tally.score:.2f} | {tally.refused:,} | {tally.told:,} | "
            f"{tally.wrong_files:,} | {tally.doubted:,} | {tally.wrong_rows:,} | "
            f"{tally.lost_rows:,} |"
        )
    known = ", ".join(f"{name} {version(name)}" for name in ("pandas", "duckdb", "polars"))
    return "\n".join([*lines, "", f"Versions: {known}.", ""])


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table, and write it to reports/benchmarks/pollock.md."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, required=True, help="the suite's polluted_files")
    text = page(run(parser.parse_args(argv).folder))
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
