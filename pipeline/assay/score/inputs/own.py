"""A class of the project's own as the input of nights, where no format of Assay's reads them.

Its rows are landed as Parquet like those of a query, so everything that follows is the same.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, TypeVar

import pyarrow as pa
from pydantic import ValidationError

from assay.contract.definition import Contract
from assay.contract.schema import TYPES, check_schema
from assay.contract.text_parser import is_text, parse_rows
from assay.errors import AssayError, ParamsError, PluginError, SourceError
from assay.formats import source
from assay.project import digests, plugins, source_code
from assay.project.params.inputs import Own
from assay.project.params.values import ClassName, Section
from assay.project.text import quote_value
from assay.score.inputs import files
from assay.score.inputs.format import Format, NearbyRows, RowsWith
from assay.score.inputs.landing import write_batches
from assay.score.inputs.types import NightInput, Session

T = TypeVar("T")
KEY = "score.input"


class Input(Section):
    """Where the rows of a project's nights come from; a class of its own is derived from it.

    Its fields are its keys under ``score.input``, and ``format`` names it.
    """

    format: ClassName

    def rows(self, night: str) -> object:
        """All rows of a night: a pandas DataFrame, rows of Arrow, or an iterable of either.

        All pieces have the same columns. A text in a column that is no text by the contract is
        parsed by it; what cannot be read is refused as a row. No row at all means that the night
        is empty.
        """
        raise NotImplementedError

    def nights(self) -> Iterable[str] | None:
        """The names of all nights that there are; None if they cannot be listed."""
        return None

    def fingerprint(self, night: str) -> str:
        """Changes when the night's rows change; empty if nobody can tell, as it is by default.

        A night whose fingerprint is that of its published run is not scored again.
        """
        return ""


class OwnFormat(Format[Own]):
    """See `assay.score.inputs.format.Format`."""

    @cached_property
    def input(self) -> Input:
        """The class with its keys.

        Raises
        ------
        PluginError
            It cannot be imported, or is no `Input` with a method ``rows``.
        ParamsError
            A key is unknown, missing or of another type.
        """
        name = self.spec.format
        kind = plugins.resolve(name, key=f"{KEY}.format", root=self.root)
        if not (isinstance(kind, type) and issubclass(kind, Input)) or kind.rows is Input.rows:
            raise PluginError(
                "no input",
                where=f"params.yaml: {KEY}.format",
                expected="a class that is derived from assay.sources.Input, with a method rows",
                found=name,
            )
        try:
            made: Input = kind.model_validate(self.spec.keys)
            inspect.signature(made.rows).bind("the night")
        except ValidationError as error:
            lines = self.params.explain(error, kind, tuple(KEY.split(".")))
            raise ParamsError(lines) from None
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"the class cannot be used: {type(error).__name__}: {error}",
                where=f"params.yaml: {KEY}.format{source_code.raised_at(error)}",
                expected="a class whose method rows takes the night",
                found=name,
            ) from None
        return made

    @property
    def lists_nights(self) -> bool:
        return self._listed is not None

    def find(self, value: str, contract: Contract) -> NightInput:
        known = self._listed
        if known is not None and value not in known:
            raise files.missing_night_error(
                self._where, self.column, value, known, "nights", "Its method nights names none."
            )
        return NightInput(
            value,
            self.column,
            f"{self._where}, {self.column}={value}",
            source=OwnRows(self.input, value, self._where),
            fingerprint=self.fingerprint(value),
        )

    def fingerprint(self, value: str) -> str:
        mark = self._ask("fingerprint", lambda: self.input.fingerprint(value))
        if not isinstance(mark, str):
            raise self._wrong("fingerprint", "a text", mark)
        settings = self.input.model_dump_json()
        return digests.digest_texts("own", settings, value, mark) if mark else ""

    def nights(self) -> tuple[str, ...]:
        known = self._listed
        if known is None:
            raise SourceError(
                "it does not list its nights",
                where=self._where,
                fix="Give the class a method nights, or name the nights: assay score --from DAY "
                "--to DAY.",
            )
        return known

    def first_rows(self, value: str, most: int) -> pa.Table:
        tables = source.tables(lambda: self.input.rows(value), self._where)
        return next((table.slice(0, most) for table in tables if table.num_rows), pa.table({}))

    def _read(
        self, value: str, columns: Sequence[str], near: NearbyRows | RowsWith | None
    ) -> Iterator[pa.RecordBatch]:
        contract, looked_at = self._contract(columns), 0
        for table in source.tables(lambda: self.input.rows(value), self._where):
            there = tuple(each for each in contract.fields if each.name in table.column_names)
            rows = table.select([each.name for each in there])
            parsed, _ = parse_rows(replace(contract, fields=there), rows)
            yield from parsed.combine_chunks().to_batches()
            looked_at += table.num_rows
            if near is not None and looked_at >= near.most:
                return

    @cached_property
    def _listed(self) -> tuple[str, ...] | None:
        """The nights, asked once; None if they cannot be listed."""
        made = self.input

        def listed() -> tuple[object, ...] | None:
            given = made.nights()
            if isinstance(given, str):  # which is an iterable of its letters
                raise TypeError(f"one text, {given!r}, in place of several")
            return None if given is None else tuple(given)

        known = self._ask("nights", listed)
        if known is None:
            return None
        odd = [each for each in known if not isinstance(each, str)]
        if odd:
            raise self._wrong("nights", "texts such as 2024-03-01", odd[0])
        return tuple(sorted({str(each) for each in known}))

    @property
    def _where(self) -> str:
        return f"params.yaml: {KEY}: {self.spec.format}"

    def _ask(self, method: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except (AssayError, MemoryError):
            raise
        except (Exception, SystemExit) as error:
            raise SourceError(
                f"{method} failed with {type(error).__name__}: {error}",
                where=f"{self._where}{source_code.raised_at(error)}",
            ) from None

    def _wrong(self, method: str, expected: str, found: object) -> SourceError:
        return SourceError(
            f"{method} gives something else",
            where=self._where,
            expected=expected,
            found=f"{found!r:.60}",
        )


@dataclass(frozen=True)
class OwnRows:
    """The rows of a night; see `assay.score.inputs.types.Source`."""

    input: Input
    night: str
    where: str
    size: ClassVar = 0
    by_spark: ClassVar = False
    text: ClassVar = True

    def land(self, folder: str, contract: Contract, session: Session) -> None:
        """Write the rows as the class gives them; see `assay.score.inputs.types.Source`."""
        write_batches(self._batches(contract), f"{folder}/rows.parquet")

    def _batches(self, contract: Contract) -> Iterator[pa.RecordBatch]:
        first: pa.Schema | None = None
        for table in source.tables(lambda: self.input.rows(self.night), self.where):
            if first is None:
                first = table.schema.remove_metadata()
                check_schema(contract, _meant(first, contract), self.where)
            others = sorted(set(first.names) ^ set(table.column_names))
            if others:
                raise SourceError(
                    "pieces of a night have other columns",
                    where=self.where,
                    expected="those of the first piece in each",
                    found=f"in one of two: {', '.join(map(quote_value, others))}",
                )
            try:
                yield from table.select(first.names).cast(first).to_batches()
            except (ValueError, pa.ArrowException) as error:
                raise SourceError(
                    "pieces of a night have other types",
                    where=self.where,
                    expected="those of the first piece in each",
                    found=str(error).strip().splitlines()[0],
                ) from None


def _meant(schema: pa.Schema, contract: Contract) -> pa.Schema:
    """The types that are compared with the contract: a text may be of any kind."""
    kinds = {field.name: field.kind for field in contract.fields}
    return pa.schema(
        field.with_type(TYPES[kinds[field.name]])
        if field.name in kinds and is_text(field.type)
        else field
        for field in schema
    )
