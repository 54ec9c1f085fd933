"""Files with one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pyarrow as pa

from assay.contract.definition import Contract
from assay.contract.text_parser import ONE_OBJECT
from assay.project.params.inputs import Json
from assay.score.inputs.files import read_errors
from assay.score.inputs.text_format import TextFormat, unreadable_line
from assay.score.inputs.text_header import TextHeader, check_json_columns


class JsonFormat(TextFormat[Json]):
    """See `assay.score.inputs.format.Format`."""

    def _unparsed(
        self, where: str, batches: Iterator[pa.RecordBatch], columns: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """All of them at once, so that each column has one type; else a SourceError."""
        rows = []
        for batch in batches:
            for line in batch.column(0).to_pylist():
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    row = None
                if not isinstance(row, dict):
                    raise unreadable_line(where, ONE_OBJECT, line)
                rows.append({name: row[name] for name in columns if name in row})
        there = [name for name in columns if any(name in row for row in rows)]
        with read_errors(where, "holds values of several types in one column"):
            table = pa.table({name: pa.array([row.get(name) for row in rows]) for name in there})
        yield from table.to_batches()

    def _check(self, contract: Contract, head: TextHeader, where: str) -> None:
        check_json_columns(contract, head, where)
