"""Keys that a person names, in the types of the published tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assay.contract.definition import MASK
from assay.contract.schema import EXPECTED, TYPES
from assay.contract.text_parser import parse_cells
from assay.errors import UsageError
from assay.errors.base import private_names
from assay.project.text import counted
from assay.store.delta.tables import infer_keys_and_task
from assay.store.key_rows import KeyRows


def one_key(given: Sequence[str], schema: pa.Schema, column: str) -> dict[str, Any]:
    """The whole key of a row, by column.

    Parameters
    ----------
    given
        ``COLUMN=VALUE`` of each key column; of a single one the value alone will do.
    schema, column
        Of the predictions, and their partition column.

    Raises
    ------
    UsageError
        Columns are missing or unknown, or a value has another type.
    """
    names = infer_keys_and_task(schema, column)[0].names
    texts = _by_column(given, names, schema)
    if sorted(texts) != sorted(names) or len(texts) < len(given):
        raise _not_the_key("assay why --key", names, shown(" ".join(given)))
    return {
        name: _typed([texts[name]], schema, name, "assay why --key")[0].as_py() for name in names
    }


def some_keys(
    given: Sequence[Mapping[str, Any]], where: str, schema: pa.Schema, column: str
) -> KeyRows:
    """Keys by all columns of the rows' key or by some, each once.

    Parameters
    ----------
    given
        Cells by column, as text or as a file has them; the partition column may be among them.
    where
        Their source, for errors.

    Raises
    ------
    UsageError
        There are no keys, a column is none of the key, or a cell is empty or has another type.
    """
    names = infer_keys_and_task(schema, column)[0].names
    if not given:
        raise UsageError("it has no rows", where=where, expected="a row for each key")
    texts = [{n: "" if cell is None else str(cell) for n, cell in row.items()} for row in given]
    header = list(texts[0])
    if not {*header} & {*names} or not {*header} <= {*names, column}:
        raise _not_the_key(where, names, shown(", ".join(header)) or "none", "at least one of ")
    once = [dict(row) for row in dict.fromkeys(tuple(row.items()) for row in texts)]
    typed = {name: _typed([row[name] for row in once], schema, name, where) for name in header}
    return KeyRows(once, pa.table(typed))


def by_column(given: Sequence[str], schema: pa.Schema, column: str) -> dict[str, str]:
    """``COLUMN=VALUE`` texts by column; of a single key column the value alone will do.

    Raises
    ------
    UsageError
        A column has two values.
    """
    names = infer_keys_and_task(schema, column)[0].names
    texts = _by_column(given, names, schema)
    if len(texts) < len(given):
        raise UsageError(
            "one key has one value of a column",
            where="assay forget --key",
            expected=" ".join(f"--key {name}=VALUE" for name in names),
            found=shown(" ".join(given)),
            fix="Put several keys into a file: --keys FILE.",
        )
    return texts


def shown(text: str) -> str:
    """What a person typed as a key; masked where the project calls columns private."""
    return MASK if text and private_names() else text


def _by_column(given: Sequence[str], names: Sequence[str], schema: pa.Schema) -> dict[str, str]:
    # What begins like a column's name is one, so that a wrong one is not taken for a value.
    text = pa.types.is_string(schema.field(names[0]).type)
    named = rf"{re.escape(names[0])}=|" + (r"[^\W\d]\w*=[^=]" if text else ".+=.")
    if len(given) == len(names) == 1 and not re.match(named, given[0]):
        given = [f"{names[0]}={given[0]}"]
    return dict(each.partition("=")[::2] for each in given)


def _not_the_key(where: str, names: Sequence[str], found: str, some: str = "") -> UsageError:
    return UsageError(
        "the key is not that of the predictions",
        where=where,
        expected=some + " ".join(f"--key {name}=VALUE" for name in names),
        found=found,
    )


def _typed(texts: Sequence[str], schema: pa.Schema, name: str, where: str) -> pa.Array:
    """Cells in the contract's type of a key column; times in UTC."""
    stored = schema.field(name).type
    plain = pa.timestamp("us") if pa.types.is_timestamp(stored) else stored
    kind = next(known for known, each in TYPES.items() if each == plain)
    cells, unread = parse_cells(kind, pa.array(list(texts), pa.string()))
    empty = pc.equal(pa.array([text.strip() for text in texts]), "").to_numpy(zero_copy_only=False)
    wrong = [text for text, bad in zip(texts, unread | empty, strict=True) if bad]
    if wrong:
        more = f", and {counted(len(wrong) - 1, 'cell')} more" if len(wrong) > 1 else ""
        raise UsageError(
            "the key has another type",
            where=f"{where}, {name}",
            expected=EXPECTED[kind],
            found=f"{MASK if name in private_names() else wrong[0] or 'nothing'}{more}",
        )
    return cells
