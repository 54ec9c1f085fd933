"""Where a night's predictions are exported to, and their CSV format.

A function of the project's own (``--to function:data.sinks.send``) is called with the night and an
iterator of Arrow record batches. The iterator ends with an error if the night's published run
changed while it was read, so a function that makes rows visible after the last one, all at once,
gives the complete night or keeps what it had.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.types as t

from assay.errors import AssayError, ExportFailed, UsageError
from assay.project import plugins, source_code
from assay.project.params.values import FUNCTION_EXAMPLE, name_fault
from assay.project.partitions import check_parent
from assay.project.text import counted
from assay.registry import git


@dataclass(frozen=True)
class ExportData:
    """A night for a target to write.

    Parameters
    ----------
    schema
        The partition column first.
    batches
        The rows; can be iterated once.
    check
        Call it with the number of rows written, before they become visible.
    """

    column: str
    partition: str
    schema: pa.Schema
    batches: Iterable[pa.RecordBatch]
    check: Callable[[int], None]


def lists_as_text(batch: pa.RecordBatch, opened: str, closed: str) -> pa.RecordBatch:
    """The same rows with each list as text: comma-separated items between two delimiters.

    A list of reasons is JSON, whatever the delimiters.
    """
    columns = [
        _joined(column, opened, closed) if t.is_list(column.type) else column for column in batch
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _joined(lists: pa.ListArray, opened: str, closed: str) -> pa.Array:
    if t.is_struct(lists.type.value_type):
        known = lists.to_pylist()
        return pa.array([each if each is None else json.dumps(each) for each in known], pa.string())
    items = pc.fill_null(pc.cast(lists.flatten(), pa.string()), "null")
    counts = pc.fill_null(pc.list_value_length(lists), 0)
    ends = pc.cumulative_sum(pc.cast(counts, pa.int32()))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, items), ",")
    text = pc.binary_join_element_wise(opened, joined, closed, "")
    return pc.if_else(pc.is_null(lists), pa.scalar(None, pa.string()), text)


def write_csv(batch: pa.RecordBatch, header: bool) -> bytes:
    """CSV in UTF-8: text in quotes, an empty cell for null."""
    sink = pa.BufferOutputStream()
    pacsv.write_csv(batch, sink, pacsv.WriteOptions(include_header=header))
    return bytes(sink.getvalue())


Sink: TypeAlias = Callable[[str, Iterator[pa.RecordBatch]], object]


def load_sink(name: str, root: Path) -> Sink:
    """The function.

    Raises
    ------
    UsageError
        ``name`` names no function of a module.
    PluginError
        It cannot be imported, is no function, or takes other arguments than a night and batches.
    """
    fault = name_fault(name, FUNCTION_EXAMPLE)
    if fault is not None:
        raise UsageError("no such target", where="--to function:", expected=fault, found=name)
    sink = plugins.resolve(name, key="--to", root=root)
    takes = ["the night", "batches of rows"]
    plugins.check_call(sink, takes, where="assay export --to", reference=name)
    return sink  # type: ignore[no-any-return]


def write_to_sink(name: str, sink: Sink, night: ExportData) -> None:
    """Let the function take all rows of the night.

    Raises
    ------
    ExportFailed
        It failed, or did not take all rows, or the night changed in the meantime.
    """
    taken = _Taken(night)
    try:
        sink(night.partition, iter(taken))
    except AssayError:
        raise
    except (Exception, SystemExit) as error:
        raise ExportFailed(
            f"the function failed with {type(error).__name__}: {error}",
            where=f"--to function:{name}{source_code.raised_at(error)}",
        ) from None
    if not taken.whole:
        raise ExportFailed(
            "the function did not take all rows of the night",
            where=f"--to function:{name}",
            expected="a function that reads its iterator to the end",
            found=f"{counted(taken.rows, 'row')} taken",
        )


class _Taken:
    """The batches of a night, counted, and checked when there is none left."""

    def __init__(self, night: ExportData) -> None:
        self.night = night
        self.rows = 0
        self.whole = False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self.night.batches:
            self.rows += batch.num_rows
            yield batch
        self.night.check(self.rows)
        self.whole = True


EXPORTS = "exports"
"""A folder of the project that git ignores."""


def check_target(root: Path, target: Path, option: str, *, folder: bool = False) -> Path:
    """``target``, after checking that git will not add it and that its folder can be made.

    Parameters
    ----------
    folder
        The target is a folder, else a file in one.

    Raises
    ------
    UsageError
        Git would add it, or more than its last folder would have to be made.
    """
    place, project = target.expanduser().absolute().resolve(), root.resolve()
    inside, exports = project in place.parents, project / EXPORTS
    if inside and exports in place.parents and not (exports / ".gitignore").exists():
        exports.mkdir(exist_ok=True)
        (exports / ".gitignore").write_text("# Rows of data: never in git.\n*\n", encoding="utf-8")
    check_parent(place if folder else place.parent, f"{option} {target}")
    if inside and git.would_add(project, place):
        raise UsageError(
            "git would add these rows to the project with the next commit",
            where=f"{option} {target}",
            expected=f"a path in {EXPORTS}/, or outside of the project",
        )
    return target
