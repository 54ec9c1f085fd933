"""Sources of a night's rows: the schema of ``score.input`` in params.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

from assay.project.params.values import ClassName, Section, Text, refuse_repeats

NIGHT = ":night"
"""The placeholder for the night's partition value in a query."""
NIGHT_IN_PATH = "{night}"
"""The same in a path to files: ``incoming/parcels-{night}.csv``."""

_OUTSIDE = re.compile(
    r"[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'"  # a text
    r'|"(?:[^"]|"")*"|`[^`]*`'  # a quoted name
    r"|(\$\w*\$).*?\1"  # a text in dollars
    r"|--[^\n]*|/\*.*?\*/"  # a comment
    r"|::"  # a cast
    r"|(?<![\w\])])(?P<night>:night\b)",
    re.DOTALL,
)

Character = Annotated[str, Field(min_length=1, max_length=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]
TableName = Annotated[str, Field(pattern=r"^[^\s.`]+(\.[^\s.`]+)*$")]
"""A table in a catalog: ``catalog.schema.table``."""


def bind_night(query: str, literal: str) -> str:
    """``query`` with each ``:night`` outside of strings and comments replaced by ``literal``."""
    return _OUTSIDE.sub(lambda part: literal if part["night"] else part[0], query)


def has_night_parameter(query: str) -> bool:
    """Whether ``:night`` occurs in the query outside of strings and comments."""
    return any(part["night"] for part in _OUTSIDE.finditer(query))


def _nightly(query: str) -> str:
    if not has_night_parameter(query):
        raise ValueError(f"a query that asks for the night, such as day = {NIGHT}|none in it")
    return query


Query = Annotated[str, Field(min_length=1), BeforeValidator(_nightly)]


class CsvOptions(Section):
    """CSV options, named as in Spark."""

    sep: Character = ","
    quote: Annotated[str, Field(max_length=1)] = '"'
    escape: Character = '"'
    comment: Character | None = None
    encoding: Literal["UTF-8", "ISO-8859-1", "windows-1252"] = "UTF-8"
    null_value: str = Field(default="", alias="nullValue")
    multi_line: bool = Field(default=False, alias="multiLine")


def _placed(path: str) -> str:
    places = path.count(NIGHT_IN_PATH)
    if places and (places > 1 or NIGHT_IN_PATH not in path.rstrip("/").rpartition("/")[2]):
        raise ValueError(f"{NIGHT_IN_PATH} once, in the name after the last slash|{path}")
    return path


NightPath = Annotated[Text, AfterValidator(_placed)]
"""A folder with a folder for each night, or a path with `NIGHT_IN_PATH`."""


class DailyFiles(Section):
    """Files with one folder or file a night."""

    path: NightPath

    def paths(self) -> Mapping[str, str]:
        """The paths that it names, by their keys below that of the input."""
        return {"": self.path}

    @property
    def settings(self) -> str:
        """All keys as text."""
        return self.model_dump_json()


class Parquet(DailyFiles):
    """Parquet."""

    format: Literal["parquet"]


class Csv(DailyFiles):
    """CSV; ``columns`` names the columns of files without a header."""

    format: Literal["csv"]
    columns: tuple[Text, ...] = ()
    options: CsvOptions = Field(default_factory=CsvOptions)

    @field_validator("columns")
    @classmethod
    def _distinct(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        refuse_repeats(columns, "each column once")
        return columns


class Json(DailyFiles):
    """JSON: one object a line, or an array of objects."""

    format: Literal["json"]


class Delta(Section):
    """A Delta table with the partition column."""

    format: Literal["delta"]
    path: Text

    def paths(self) -> Mapping[str, str]:
        """As for `DailyFiles`."""
        return {"": self.path}


def _mapping(value: Any) -> Any:
    if isinstance(value, str):
        return {"format": "parquet", "path": value}
    if not isinstance(value, Mapping):
        raise ValueError(
            f"a path, or a mapping with a key format|{'nothing' if value is None else value}"
        )
    return value


FileTable = Annotated[
    Annotated[Parquet | Csv | Json | Delta, Field(discriminator="format")],
    BeforeValidator(_mapping),
]


class Postgres(Section):
    """A PostgreSQL query."""

    format: Literal["postgres"]
    url: Annotated[str, Field(pattern=r"^postgresql://")]
    query: Query
    user_env: Text = "PGUSER"
    password_env: Text = "PGPASSWORD"

    def paths(self) -> Mapping[str, str]:
        """None."""
        return {}

    @field_validator("url")
    @classmethod
    def _no_secret(cls, url: str) -> str:
        parts = urlsplit(url)
        given = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        if "@" in parts.netloc or given & {"user", "password", "sslpassword"}:
            raise ValueError(
                "a url without user and password, which user_env and password_env name|"
                "a url with them"
            )
        return url


class NamedTable(Section):
    """A table that a catalog knows; ``snapshot`` pins the rows that it had then."""

    table: TableName
    snapshot: Annotated[int, Field(ge=0)] | None = None

    def paths(self) -> Mapping[str, str]:
        """None: the catalog knows where the table lies."""
        return {}


class Iceberg(NamedTable):
    """An Iceberg table in a catalog of pyiceberg's, with the partition column."""

    format: Literal["iceberg"]
    catalog: Name = "default"


class Catalog(NamedTable):
    """A table by its name in Spark's session, in whatever catalog."""

    format: Literal["catalog"]


class Own(Section):
    """A class of the project's own, which reads its keys itself (`assay.score.inputs.own`)."""

    model_config = ConfigDict(extra="allow")

    format: ClassName

    def paths(self) -> Mapping[str, str]:
        """None that are known."""
        return {}

    @property
    def keys(self) -> dict[str, Any]:
        """What params.yaml says of it, as it says it."""
        return {**(self.model_extra or {}), "format": self.format}


Named = Parquet | Csv | Json | Delta | Postgres | Iceberg | Catalog
"""The formats that Assay knows."""

_NAMED: TypeAdapter[Any] = TypeAdapter(Annotated[Named, Field(discriminator="format")])


def _read(value: Any, _: ValidatorFunctionWrapHandler) -> Any:
    """A format with a dot in its name is a class of the project; others are known by name."""
    name = value.get("format")
    own = isinstance(name, str) and "." in name
    return Own.model_validate(value) if own else _NAMED.validate_python(value)


Input = Annotated[
    Named | Own,
    WrapValidator(_read),
    BeforeValidator(_mapping),
]
"""``score.input``: a mapping with a ``format``, or a path, which means Parquet."""
