"""CSV files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from assay.contract.definition import Contract
from assay.contract.text_parser import LINE, ONE_CELL_A_COLUMN
from assay.project.params.inputs import Csv
from assay.score.inputs.text_format import TextFormat, unreadable_line
from assay.score.inputs.text_header import TextHeader, check_csv_columns


class CsvFormat(TextFormat[Csv]):
    """See `assay.score.inputs.format.Format`."""

    def _unparsed(
        self, where: str, batches: Iterator[pa.RecordBatch], columns: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            torn = batch.column(LINE).drop_null()
            if len(torn):
                raise unreadable_line(where, ONE_CELL_A_COLUMN, torn[0].as_py())
            yield batch.select([name for name in columns if name in batch.schema.names])

    def _check(self, contract: Contract, head: TextHeader, where: str) -> None:
        check_csv_columns(contract, head, where)

    def _there(self, contract: Contract, batch: pa.RecordBatch) -> Contract:
        there = [field for field in contract.fields if field.name in batch.schema.names]
        return replace(contract, fields=tuple(there))
