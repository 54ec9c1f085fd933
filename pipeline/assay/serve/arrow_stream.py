"""Reads an Arrow stream that a stranger sent, in memory that its size bounds.

Arrow unpacks a compressed batch before anybody learns how large it is, so compression is looked for
in the messages' headers (flatbuffers: https://arrow.apache.org/docs/format/Columnar.html), and
refused.
"""

from __future__ import annotations

import struct

import pyarrow as pa

from assay.errors import UsageError

MOST_ROWS = 250_000
"""Of a request, whatever its bytes: a column of nulls has none."""


def check_rows(rows: int) -> None:
    """Check that a request's rows are not very many.

    Raises
    ------
    UsageError
        They are.
    """
    if rows > MOST_ROWS:
        raise UsageError(
            "too many rows at once",
            where="the request",
            expected=f"at most {MOST_ROWS:,}",
            found=f"{rows:,}",
        )


def read_stream(body: bytes) -> pa.Table:
    """The rows of an Arrow IPC stream.

    Raises
    ------
    UsageError
        It is none, is damaged or compressed, or has very many rows.
    """
    try:
        for message in pa.ipc.MessageReader.open_stream(pa.BufferReader(body)):
            if _is_compressed(message.metadata.to_pybytes()):
                raise pa.ArrowInvalid("a compressed batch; write the stream without compression")
        batches, rows = [], 0
        with pa.ipc.open_stream(pa.BufferReader(body)) as stream:
            for batch in stream:
                rows += batch.num_rows
                check_rows(rows)
                batch.validate(full=True)
                batches.append(batch)
            return pa.Table.from_batches(batches, stream.schema)
    except (pa.ArrowException, OSError, struct.error, IndexError) as error:
        raise UsageError(
            "the body is no Arrow stream that is taken here",
            where="the request",
            expected="the IPC stream format, without compression",
            found=" ".join(str(error).split())[:160],
        ) from None


_DICTIONARY, _BATCH = 2, 3
"""Kinds of messages with data, by their number in Message.fbs."""


def _is_compressed(header: bytes) -> bool:
    """Whether a message holds compressed buffers, by its header, which is a flatbuffer."""
    message = struct.unpack_from("<I", header)[0]
    kind = _field(header, message, 1)
    if kind == 0 or header[kind] not in (_DICTIONARY, _BATCH):
        return False
    batch = _table(header, message, 2)
    if header[kind] == _DICTIONARY:
        batch = _table(header, batch, 1)
    return _field(header, batch, 3) != 0


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a flatbuffer's table is; 0 if it has none."""
    types = table - struct.unpack_from("<i", data, table)[0]
    if 4 + 2 * number >= struct.unpack_from("<H", data, types)[0]:
        return 0
    offset: int = struct.unpack_from("<H", data, types + 4 + 2 * number)[0]
    return table + offset if offset else 0


def _table(data: bytes, table: int, number: int) -> int:
    place = _field(data, table, number)
    return place + int(struct.unpack_from("<I", data, place)[0])
