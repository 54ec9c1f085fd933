"""Input from a table that Spark's session knows by name: in Unity, Glue, Hive, or any catalog."""

from __future__ import annotations

from typing import ClassVar

from assay.contract.definition import Contract
from assay.project import digests
from assay.project.params.inputs import Catalog
from assay.score.inputs.format import Format
from assay.score.inputs.query import QueryRows
from assay.score.inputs.types import NightInput


class CatalogFormat(Format[Catalog]):
    """A table by its name; see `assay.score.inputs.format.Format`.

    Spark reads the night in one query, so in one snapshot, and lands it.
    """

    lists_nights = False
    by_spark: ClassVar[bool] = True

    def find(self, value: str, contract: Contract) -> NightInput:
        spec = self.spec
        of = "" if spec.snapshot is None else f" VERSION AS OF {spec.snapshot}"
        asked = f"{quote_part(self.column)} = :night"
        query = f"SELECT * FROM {quote_name(spec.table)}{of} WHERE {asked}"
        where = f"{spec.table}{of.lower()}, {self.column}={value}"
        source = QueryRows(where, value, query, {})
        return NightInput(
            value, self.column, where, source=source, fingerprint=self.fingerprint(value)
        )

    def fingerprint(self, value: str) -> str:
        """Empty of the newest rows, because nobody can tell without Spark whether they changed."""
        spec = self.spec
        if spec.snapshot is None:
            return ""
        return digests.digest_texts("catalog", spec.table, str(spec.snapshot), value)


def quote_name(table: str) -> str:
    """``catalog.schema.table`` as Spark SQL takes it, whatever words it has."""
    return ".".join(map(quote_part, table.split(".")))


def quote_part(name: str) -> str:
    """One name as Spark SQL takes it."""
    return f"`{name.replace('`', '``')}`"
