"""Text files in Spark: lines, and CSV lines split into cells, without parsing their types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.contract.text.text_parser import LINE, ONE_CELL_A_COLUMN
from assay.project.params.inputs import Csv, CsvOptions
from assay.score.inputs.text_rows import cell_names
from assay.score.inputs.types import FileGroup

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, DataFrameReader

_VALUE = "value"
_PARSED = "parsed"


def lines(reader: DataFrameReader, paths: Sequence[str], encoding: str = "UTF-8") -> DataFrame:
    """The lines that are not blank, as ``LINE``; invalid bytes are replaced."""
    from pyspark.sql import functions as f

    found = reader.text(list(paths))
    if encoding == "UTF-8":
        text = f.make_valid_utf8(_VALUE)
    else:
        text = f.decode(f.col(_VALUE).cast("binary"), encoding)
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
            found = found.where(f.col(LINE) != group.header)
        if spec.options.comment is not None:
            found = found.where(~f.startswith(f.col(LINE), f.lit(spec.options.comment)))
        found = found.withColumn(_PARSED, f.from_csv(LINE, schema, options))
        texts = {name: f.col(f"{_PARSED}.{name}") for name in places}
        uncut = f.when(_unclosed(spec.options), f.col(LINE)).otherwise(f.col(f"{_PARSED}.{LINE}"))
    # A column in the files takes precedence over a folder's name.
    own = {LINE, _PARSED, *places, *group.columns}
    called = zip(places, cell_names(group), strict=True)
    return found.select(
        *(f.nullif(texts[place], f.lit("")).alias(name) for place, name in called),
        *(name for name in found.columns if name not in own),
        uncut.alias(LINE),
    )


def reject_bad_lines(found: DataFrame) -> DataFrame:
    """The same rows; a row that could not be split into cells fails the query."""
    from pyspark.sql import functions as f

    said = f.concat(f.lit(f"{ONE_CELL_A_COLUMN} expected, found "), f.substring(LINE, 1, 80))
    fine = f.when(f.col(LINE).isNull(), f.lit(True)).otherwise(f.raise_error(said).cast("boolean"))
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
