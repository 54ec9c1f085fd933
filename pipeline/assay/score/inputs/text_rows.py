"""Rows of a night of CSV or JSON lines, read without Spark as Spark reads them.

Cells stay text, and `assay.contract.text_parser` parses them, whoever read them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pyarrow as pa

from assay.contract.text_parser import LINE
from assay.project.params.inputs import Csv, CsvOptions, Input, Json
from assay.score.inputs.text_cells import is_splittable, split_lines
from assay.score.inputs.text_lines import PIECE, Piece, cut_file, is_readable, line_blocks
from assay.score.inputs.types import FileGroup, InputTable, NightInput


def can_read(spec: Input) -> bool:
    """Whether rows of such an input are read here; a file's name may still say otherwise."""
    return isinstance(spec, Json) or (isinstance(spec, Csv) and is_splittable(spec.options))


def text_table(night: NightInput) -> InputTable | None:
    """The night's files if all of them are read here, else None."""
    table = night.tables.get("") if night.text else None
    if table is None or not can_read(table.spec):
        return None
    paths = [path for group in table.groups for path in group.paths]
    return table if all(map(is_readable, paths)) else None


@dataclass(frozen=True)
class TextPart:
    """Pieces of files that have the same columns.

    Parameters
    ----------
    group
        The files' columns and header line.
    names
        The names of all columns of the night, in their order; none for JSON.
    """

    spec: Csv | Json
    group: FileGroup
    pieces: tuple[Piece, ...]
    names: tuple[str, ...]

    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Batches of at most ``batch_rows`` rows, as the DataFrame carrier gives them.

        Raises
        ------
        SourceError
            A file cannot be read.
        """
        held: list[str] = []
        for piece in self.pieces:
            for block in line_blocks(piece):
                held += self._lines(block)
                full = len(held) - len(held) % batch_rows
                for start, stop in pairwise(range(0, full + 1, batch_rows)):
                    yield self._batch(held[start:stop])
                held = held[full:]
        if held:
            yield self._batch(held)

    def _lines(self, block: Sequence[bytes]) -> Iterator[str]:
        """The lines that hold a row; invalid bytes are replaced."""
        options = self.spec.options if isinstance(self.spec, Csv) else CsvOptions()
        comment = options.comment
        for line in block:
            text = line.decode(options.encoding, errors="replace")
            if not text.strip(" ") or text == self.group.header:
                continue
            if comment is None or not text.startswith(comment):
                yield text

    def _batch(self, lines: Sequence[str]) -> pa.RecordBatch:
        if isinstance(self.spec, Json):
            return pa.record_batch([pa.array(lines, pa.string())], names=[LINE])
        *cells, uncut = split_lines(lines, len(self.group.columns), self.spec.options)
        found = dict(zip(cell_names(self.group), cells, strict=True))
        nothing = pa.nulls(len(lines), pa.string())
        columns = [found.get(name, nothing) for name in self.names]
        return pa.record_batch([*columns, uncut], names=[*self.names, LINE])


def cell_names(group: FileGroup) -> list[str]:
    """Names of the cells; a cell without a unique name is named by its position."""
    used: set[str] = set()
    result = []
    for number, name in enumerate(group.columns):
        result.append(f"_c{number}" if not name or name in used else name)
        used.add(name)
    return result


def split_text(table: InputTable, longest: int = PIECE) -> list[TextPart]:
    """Parts of about equal size, in the order of the files.

    Parameters
    ----------
    table
        From `text_table`.
    longest
        Bytes of a part, but for the end of its last line.
    """
    assert isinstance(table.spec, Csv | Json), "only text has lines"
    csv = isinstance(table.spec, Csv)
    names = tuple(
        dict.fromkeys(name for group in table.groups if csv for name in cell_names(group))
    )
    parts = []
    for group in table.groups:
        held: list[Piece] = []
        room = longest
        for path, size in zip(group.paths, group.sizes, strict=True):
            for piece in cut_file(path, size, longest):
                length = size if piece.stop is None else piece.stop - piece.start
                if held and length > room:
                    parts.append(TextPart(table.spec, group, tuple(held), names))
                    held, room = [], longest
                held.append(piece)
                room -= length
        parts.append(TextPart(table.spec, group, tuple(held), names))
    return parts
