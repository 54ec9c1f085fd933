"""``assay export --to function:data.sinks.send``: a function of the project's own takes a night.

It is called with the night and an iterator of Arrow record batches. The iterator ends with an error
if the night's published run changed while it was read, so a function that makes rows visible after
the last one, all at once, gives the complete night or keeps what it had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from assay.errors import AssayError, ExportFailed, UsageError
from assay.project import plugins, source_code
from assay.project.params.values import FUNCTION_EXAMPLE, name_fault
from assay.project.text import counted
from assay.score.operations.export_data import ExportData

Sink: TypeAlias = Callable[[str, Iterator[pa.RecordBatch]], object]


def load(name: str, root: Path) -> Sink:
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
    found = plugins.resolve(name, key="--to", root=root)
    takes = ["the night", "batches of rows"]
    plugins.check_call(found, takes, where="assay export --to", reference=name)
    return found  # type: ignore[no-any-return]


def write(name: str, sink: Sink, night: ExportData) -> None:
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
