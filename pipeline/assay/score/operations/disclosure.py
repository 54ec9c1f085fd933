"""What is private of people: masked in what leaves the store, unless somebody asks on record."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from assay.contract.definition import MASK
from assay.errors import UsageError
from assay.registry.git import user_name
from assay.store import Store
from assay.store.delta import rows
from assay.store.delta.tables import DISCLOSED


def record(root: Path, store: Store, what: str, partition: str, because: str | None) -> None:
    """Put on record who asked to see what is private, before it is shown; None asks for nothing.

    Raises
    ------
    UsageError
        The reason is blank.
    StoreError
        It cannot be recorded, so nothing is shown.
    """
    if because is None:
        return
    if not because.strip():
        raise UsageError("a reason is needed", where="--show-private", expected="why it is asked")
    facts = {"by": user_name(root), "because": because, "what": what, "partition": partition}
    rows.append(store, DISCLOSED, [{"at": datetime.now(UTC), **facts}])


def masked_schema(schema: pa.Schema, private: Collection[str]) -> pa.Schema:
    """The columns of `masked`: a private one is text, whatever it was."""
    return pa.schema(
        [field.with_type(pa.string()) if field.name in private else field for field in schema]
    )


def masked(batches: Iterable[pa.RecordBatch], private: Collection[str]) -> Iterator[pa.RecordBatch]:
    """Rows with their private cells masked."""
    for batch in batches:
        columns = [
            pa.repeat(MASK, batch.num_rows) if name in private else batch.column(name)
            for name in batch.schema.names
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=masked_schema(batch.schema, private))
