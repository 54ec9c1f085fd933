"""Dataclasses that describe a night's input: files, row counts, and how its rows are landed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from assay.contract.definition import Contract

Session: TypeAlias = "Callable[[], SparkSession]"
"""Starts Spark, or gives the session that runs."""


@dataclass(frozen=True)
class InputFile:
    """A Parquet file of a night.

    Parameters
    ----------
    path
        Absolute, or with a scheme: what `assay.store.delta.location.filesystem` takes.
    size
        Bytes.
    row_groups
        Rows of each row group.
    text
        Whether its cells may be text, to be parsed as the contract types them.
    """

    path: str
    size: int
    row_groups: tuple[int, ...]
    text: bool = False

    @property
    def rows(self) -> int:
        return sum(self.row_groups)


class Source(Protocol):
    """The rows of a night that are no Parquet yet.

    Attributes
    ----------
    size
        Bytes, as far as they are known.
    by_spark
        Whether only Spark can read it.
    text
        Whether its cells may be text, to be parsed as the contract types them.
    """

    @property
    def size(self) -> int: ...

    @property
    def by_spark(self) -> bool: ...

    @property
    def text(self) -> bool: ...

    def land(self, folder: str, contract: Contract, session: Session) -> None:
        """Write all rows as Parquet files below a folder.

        Raises
        ------
        SourceError
            The source cannot be read.
        SchemaMismatch
            It has other columns than the contract requires, where that was not known before.
        """
        ...


@dataclass(frozen=True)
class NightInput:
    """The input of one night.

    Parameters
    ----------
    value, column
        The partition.
    where
        Its name in errors.
    schema
        Columns and types if the files state them, else None.
    files
        Parquet files that hold exactly the night; none if it has to be landed first.
    source
        What has to be landed first, if anything (`assay.score.inputs.landing`).
    rows
        Row count from the files' footers; None if not counted yet.
    fingerprint
        Changes when the input changes; empty if changes cannot be detected.
    content
        The same for plain files without the times at which they were written, so that copies of
        the same files have the same one. Empty for other inputs.
    replaceable
        The same for plain files only, which can be replaced while they are read. Empty if there are
        none: a version of a Delta table never changes.
    """

    value: str
    column: str
    where: str
    schema: pa.Schema | None = None
    files: tuple[InputFile, ...] = ()
    source: Source | None = None
    rows: int | None = None
    fingerprint: str = ""
    content: str = ""
    replaceable: str = ""

    @property
    def identity(self) -> str:
        """What tells this input from another one, wherever a copy of it lies, as far as possible.

        Empty if changes cannot be detected.
        """
        return self.content or self.fingerprint
