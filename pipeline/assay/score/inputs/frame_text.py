"""Text files in Spark: lines, and CSV lines split into cells, without parsing their types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.contract.text.text_parser import (
    LINE,
    MOST_LINE,
    ONE_CELL_A_COLUMN,
    ONE_HEADER,
    TOO_LONG,
)
from assay.project.params.inputs import Csv, CsvOptions
from assay.score.inputs.text_lines import SHOWN
from assay.score.inputs.text_rows import cell_names
from assay.score.inputs.types import FileGroup

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, DataFrameReader

_VALUE = "value"
_PARSED = "parsed"
_FILE, _START = "_input_file", "_input_start"


def lines(reader: DataFrameReader, paths: Sequence[str], encoding: str = "UTF-8") -> DataFrame:
    """The lines that are not blank, as ``LINE``; invalid bytes are replaced.

    In the place of a line that is too long there is one that says so.
    """
    from pyspark.sql import functions as f

    found = reader.text(list(paths))
    if encoding == "UTF-8":
        text = f.make_valid_utf8(_VALUE)
    else:
        text = f.decode(f.col(_VALUE).cast("binary"), encoding)
    length = f.octet_length(_VALUE)
    about = (f.lit(f"{TOO_LONG}a line of "), length, f.lit(" bytes of "), f.input_file_name())
    shown = f.concat(*about, f.lit(": "), f.substring(text, 1, SHOWN))
    text = f.when(length > MOST_LINE, shown).otherwise(text)
    others = [name for name in found.columns if name != _VALUE]
    return found.select(text.alias(LINE), *others).where(f.trim(LINE) != "")


def cells(reader: DataFrameReader, spec: Csv, group: FileGroup) -> DataFrame:
    """CSV cells as text, null where a cell is empty.

    ``LINE`` keeps a line that has not one cell per column, or that opens a quote without closing
    it: its cells may be under wrong names. Otherwise ``LINE`` is null.
    """
    from pyspark.sql import functions as f

    places = [f"c{number}" for number in range(len(group.columns))]
    schema = ", ".join(f"{name} STRING" for name in [*places, LINE])
    options = _options(spec.options)
    if spec.options.multi_line:
        found = (
            reader.schema(schema)
            .options(**options, header=group.header is not None, multiLine=True)
            .option("columnPruning", False)
            .csv(list(group.paths))
        )
        texts = {name: f.make_valid_utf8(name) for name in [*places, LINE]}
        uncut = texts[LINE]
    else:
        found = lines(reader, group.paths, spec.options.encoding)
        if group.header is not None:
            found = _without_header(found, group.header)
        if spec.options.comment is not None:
            found = found.where(~f.startswith(f.col(LINE), f.lit(spec.options.comment)))
        found = found.withColumn(_PARSED, f.from_csv(LINE, schema, options))
        texts = {name: f.col(f"{_PARSED}.{name}") for name in places}
        torn = _unclosed(spec.options) | f.startswith(f.col(LINE), f.lit(TOO_LONG))
        uncut = f.when(torn, f.col(LINE)).otherwise(f.col(f"{_PARSED}.{LINE}"))
    # A column in the files takes precedence over a folder's name.
    own = {LINE, _PARSED, *places, *group.columns}
    called = zip(places, cell_names(group), strict=True)
    return found.select(
        *(f.nullif(texts[place], f.lit("")).alias(name) for place, name in called),
        *(name for name in found.columns if name not in own),
        uncut.alias(LINE),
    )


def _without_header(found: DataFrame, header: str) -> DataFrame:
    """The lines without the first one of each file that is the header: others are rows."""
    from pyspark.sql import functions as f

    names = found.columns

    def leave_out(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        left_out = set()
        for batch in batches:
            *columns, file, start = batch.columns
            kept = np.ones(batch.num_rows, dtype=bool)
            is_header = pc.and_(
                pc.equal(batch.column(LINE), header).fill_null(False), pc.equal(start, 0)
            )
            for place in np.flatnonzero(is_header.to_numpy(zero_copy_only=False)).tolist():
                name = file[place].as_py()
                kept[place] = name in left_out
                left_out.add(name)
            yield pa.record_batch(columns, names=names).filter(pa.array(kept))

    # A part of a file is read in its order, by one task.
    placed = found.select(
        *names, f.input_file_name().alias(_FILE), f.input_file_block_start().alias(_START)
    )
    return placed.mapInArrow(leave_out, found.schema)


def reject_bad_lines(found: DataFrame, group: FileGroup) -> DataFrame:
    """The same rows; one that was not split into cells, or is a header again, fails the query."""
    from pyspark.sql import functions as f

    def fail(expected: str) -> Column:
        shown = f.coalesce(f.substring(LINE, 1, 80), f.lit(group.header))
        return f.raise_error(f.concat(f.lit(f"{expected} expected, found "), shown)).cast("boolean")

    same = (
        f.equal_null(f.col(f"`{name.replace('`', '``')}`"), f.lit(name))
        for name in cell_names(group)
    )
    fine = (
        f.when(f.col(LINE).isNotNull(), fail(ONE_CELL_A_COLUMN))
        .when(reduce(and_, same), fail(ONE_HEADER))
        .otherwise(f.lit(True))
    )
    return found.where(fine).drop(LINE)


def _options(options: CsvOptions) -> dict[str, str]:
    return {
        "mode": "PERMISSIVE",
        "columnNameOfCorruptRecord": LINE,
        "sep": options.sep,
        "quote": options.quote,
        "escape": options.escape,
        "nullValue": options.null_value,
        "encoding": options.encoding,
        **({} if options.comment is None else {"comment": options.comment}),
    }


def _unclosed(options: CsvOptions) -> Column:
    """Whether the line opens a quote that it never closes.

    Spark silently closes it at the end of the line, though the cell continues on the next one.
    """
    from pyspark.sql import functions as f

    line, quote = f.col(LINE), f.lit(options.quote)
    if options.escape != options.quote:
        line = f.replace(line, f.lit(options.escape + options.quote))
    quotes = f.length(line) - f.length(f.replace(line, quote))
    begins = f.concat(f.lit(options.sep), line).contains(options.sep + options.quote)
    return (quotes % 2 == 1) & begins
