"""Rows of CSV files and JSON lines: cells stay text, which the contract parses later.

Large files are read in pieces, by a few threads at once. Each piece is landed as one Parquet file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar

import pyarrow as pa

from assay.contract.definition import Contract
from assay.contract.text_parser import LINE
from assay.errors import SourceError
from assay.formats.files.cells import CellCutter, json_lines
from assay.formats.files.lines import BLOCK, MOST_LINE, PIECE, Piece, cut_file, line_blocks
from assay.project.params.inputs import Csv, Json
from assay.project.processes import own_cores
from assay.score.inputs.files import read_errors
from assay.score.inputs.landing import write_batches
from assay.score.inputs.types import Session
from assay.store.delta.location import filesystem

COMPRESSED = frozenset({".gz", ".bz2", ".zst"})
"""Endings of files that Arrow decompresses; such a file is one piece."""
UNREADABLE = frozenset({".deflate", ".lz4", ".snappy"})
"""Endings of files that are compressed as only Hadoop does."""


@dataclass(frozen=True)
class TextFile:
    """A file of CSV or JSON lines.

    Parameters
    ----------
    relative
        Its path below the folder of the night or of the table.
    columns, header
        Of CSV: the names of its cells, and its header line if it has one.
    """

    path: str
    relative: str
    size: int
    columns: tuple[str, ...] = ()
    header: str | None = None


@dataclass(frozen=True)
class TextPart:
    """Lines of one file."""

    spec: Csv | Json
    file: TextFile
    piece: Piece

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, some megabytes at a time: cells and `LINE`, or nothing but `LINE` for JSON.

        Raises
        ------
        SourceError
            The file cannot be read.
        """
        if isinstance(self.spec, Json):
            for block in self.blocks():
                yield pa.record_batch([json_lines(block)], names=[LINE])
            return
        cutter = CellCutter(len(self.file.columns), self.spec.options)
        names = [*cell_names(self.file.columns), LINE]
        header = self.file.header if self.piece.start == 0 else None
        for block in self.blocks():
            cells, uncut = cutter.cut(block, header)
            yield pa.record_batch([*cells, uncut], names=names)
            header = None

    def blocks(self) -> Iterator[bytes]:
        """Whole lines with their ends; of CSV whose cells may hold line ends, whole rows."""
        with _opened(self.piece) as source:
            if isinstance(self.spec, Csv) and self.spec.options.multi_line:
                cutter = CellCutter(len(self.file.columns), self.spec.options)
                yield from _row_blocks(cutter, source, self.piece.path)
            else:
                yield from line_blocks(self.piece, source)


@contextmanager
def _opened(piece: Piece) -> Iterator[Any]:
    with read_errors(piece.path):
        system, path = filesystem(piece.path)
        opening = system.open_input_stream if piece.stop is None else system.open_input_file
        with opening(path) as source:
            yield source


def _row_blocks(cutter: CellCutter, source: Any, path: str) -> Iterator[bytes]:
    rest = b""
    while block := source.read(BLOCK):
        rest += block
        end = cutter.whole_rows(rest)
        if end:
            yield rest[:end]
            rest = rest[end:]
        if len(rest) > MOST_LINE:
            raise SourceError(
                "a row is too long",
                where=path,
                expected=f"rows of at most {MOST_LINE >> 20} MB",
                fix="A quote that is closed in another row is the usual cause.",
            )
    if rest:
        yield rest


def cell_names(columns: Sequence[str]) -> list[str]:
    """Names of the cells; a cell without a unique name is named by its position."""
    used: set[str] = set()
    result = []
    for number, name in enumerate(columns):
        result.append(f"_c{number}" if not name or name in used else name)
        used.add(name)
    return result


@dataclass(frozen=True)
class TextRows:
    """The rows of some files; see `assay.score.inputs.types.Source`."""

    spec: Csv | Json
    files: tuple[TextFile, ...]
    by_spark: ClassVar = False
    text: ClassVar = True

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    def parts(self, longest: int = PIECE) -> list[TextPart]:
        """Parts of at most ``longest`` bytes, but for the end of a line, in order of the files."""
        whole = isinstance(self.spec, Csv) and self.spec.options.multi_line
        parts = []
        for file in self.files:
            one = whole or PurePosixPath(file.path).suffix.lower() in COMPRESSED
            pieces = [Piece(file.path, 0, None)] if one else cut_file(file.path, file.size, longest)
            parts += [TextPart(self.spec, file, piece) for piece in pieces]
        return parts

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, in the order of the files; see `TextPart.batches`."""
        for part in self.parts():
            yield from part.batches()

    def land(self, folder: str, contract: Contract, session: Session) -> None:
        """Write the rows of each part as a Parquet file; see `assay.score.inputs.types.Source`."""
        parts = self.parts()
        with ThreadPoolExecutor(max(1, min(own_cores(), len(parts)))) as pool:
            done = [
                pool.submit(write_batches, part.batches(), f"{folder}/{number:06d}.parquet")
                for number, part in enumerate(parts)
            ]
            try:
                for each in done:
                    each.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def check_compression(path: str) -> None:
    """Check that a file is not compressed in a way that is not read here.

    Raises
    ------
    SourceError
        Its name says that it is.
    """
    if PurePosixPath(path).suffix.lower() in UNREADABLE:
        raise SourceError(
            "is compressed in a way that is not read here",
            where=path,
            expected=f"no name that ends in {', '.join(sorted(UNREADABLE))}",
            fix="Unpack it, or compress it with gzip or zstd.",
        )
