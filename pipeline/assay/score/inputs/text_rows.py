"""Rows of a night of CSV or JSON lines, read without Spark as Spark reads them.

Cells stay text, and `assay.contract.text.text_parser` parses them, whoever read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from assay.contract.text.text_parser import LINE
from assay.project.params.inputs import Csv, CsvOptions, Input, Json
from assay.score.inputs.text_blocks import split_block, split_plain_lines
from assay.score.inputs.text_cells import split_lines
from assay.score.inputs.text_lines import PIECE, Piece, cut_file, is_readable, line_blocks
from assay.score.inputs.types import FileGroup, InputTable, NightInput


def can_read(spec: Input) -> bool:
    """Whether rows of such an input are read here; a file's name may still say otherwise."""
    return isinstance(spec, Json) or (isinstance(spec, Csv) and spec.options.rows_are_lines)


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
        held: list[pa.RecordBatch] = []
        rows = 0
        for piece in self.pieces:
            for number, block in enumerate(line_blocks(piece)):
                header = self.group.header if piece.start == 0 and number == 0 else None
                held.append(self._batch(block, header))
                rows += held[-1].num_rows
                if rows >= batch_rows:
                    joined = pa.concat_batches(held)
                    full = rows - rows % batch_rows
                    for start in range(0, full, batch_rows):
                        yield joined.slice(start, batch_rows)
                    held, rows = [joined.slice(full)], rows - full
        if rows:
            yield pa.concat_batches(held)

    def _batch(self, block: bytes, header: str | None = None) -> pa.RecordBatch:
        """The rows of whole lines, without the ``header`` that they begin with, if any."""
        if isinstance(self.spec, Json):
            lines = split_plain_lines(block)
            if lines is None:
                lines = pa.array(self._lines(block), pa.string())
            return pa.record_batch([lines], names=[LINE])
        columns, options = self.group.columns, self.spec.options
        cells = split_block(block, len(columns), header, options)
        if cells is None:
            *cells, uncut = split_lines(self._lines(block, header), len(columns), options)
        else:
            uncut = pa.nulls(len(cells[0]), pa.string())
        found = dict(zip(cell_names(self.group), cells, strict=True))
        nothing = pa.nulls(len(uncut), pa.string())
        named = [found.get(name, nothing) for name in self.names]
        return pa.record_batch([*named, uncut], names=[*self.names, LINE])

    def _lines(self, block: bytes, header: str | None = None) -> list[str]:
        """The lines that hold a row; invalid bytes are replaced."""
        options = self.spec.options if isinstance(self.spec, Csv) else CsvOptions()
        comment = options.comment
        texts = (line.decode(options.encoding, errors="replace") for line in block.splitlines())
        rows = [
            text
            for text in texts
            if text.strip(" ") and (comment is None or not text.startswith(comment))
        ]
        return rows[1:] if header is not None and rows[:1] == [header] else rows


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
