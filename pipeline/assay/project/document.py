"""Files that one stage writes and another reads: each whole or not at all, JSON with one schema.

A file may have been edited, merged or truncated since a stage wrote it. Any violation of the schema
becomes one error that names the file and the key. NaN is accepted, so that a rule can report it in
a finding.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, ClassVar, NoReturn, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue

from assay.errors import DataError, StageInputMissing

Count = Annotated[int, Field(ge=0)]
Text = Annotated[str, Field(min_length=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]

_SHOWN = 80
"""Maximum number of characters of a wrong value in an error."""

_EXPECTED = {
    "string_type": "a text",
    "string_too_short": "a text that is not empty",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "dataclass_type": "a mapping",
    "greater_than": "over {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "under {lt}",
    "finite_number": "a finite number",
    "literal_error": "{expected}",
    "enum": "{expected}",
}


def write_text(target: Path, text: str) -> None:
    """Write or replace a file atomically. Creates the folder if needed.

    If this fails, the previous file is unchanged.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    # A unique temporary name per writer, hidden from readers by its leading dot.
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def dumps(document: object, indent: int = 2) -> str:
    """Serialise deterministically, with a final newline.

    Raises
    ------
    ValueError
        ``document`` contains NaN or an infinity.
    """
    return json.dumps(document, indent=indent, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(path: Path, document: object) -> None:
    """Write ``document`` to ``path`` atomically. Creates the folder if needed."""
    write_text(path, dumps(document))


def read_stage_file(root: Path, name: str, stage: str) -> str:
    """The text of the file ``name`` under ``root``, which ``stage`` writes.

    Raises
    ------
    StageInputMissing
        The file does not exist: the stage has not run.
    DataError
        The file cannot be read, or is not UTF-8 text.
    """
    try:
        return (root / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StageInputMissing(
            f"{stage} has not run: no such file", where=name, fix="Run: dvc repro."
        ) from None
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror or error}", where=name, fix=_again(stage)
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"cannot be read as UTF-8 text ({error})", where=name, fix=_again(stage)
        ) from None


class Document(BaseModel, defer_build=True):
    """A part of a report. Every key is present in the file; an absent value is null.

    Defaults apply only in Python code. They do not apply when a file is read, because a default
    would hide a deleted key.
    """

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", populate_by_name=True, allow_inf_nan=True
    )

    @model_validator(mode="after")
    def _whole(self, info: ValidationInfo) -> Self:
        given = self.model_fields_set
        if info.mode == "json" and len(given) < len(type(self).model_fields):
            for name, field in type(self).model_fields.items():
                if name not in given:
                    raise ValueError(f"{field.validation_alias or name} is missing")
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core)
        whole = handler.resolve_ref_schema(schema)
        whole["required"] = [*whole["properties"]]
        return schema

    def tree(self) -> dict[str, Any]:
        """The document as JSON values, in the key order of the file."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def of_tree(cls, tree: Any, key: str = "") -> Self:
        """The inverse of :meth:`tree`; ``key`` is the path that an error starts with.

        Raises
        ------
        ValueError
            A key is missing, unknown or of the wrong kind.
        """
        try:
            # Through JSON again: a strict model does not accept a Python list as a tuple.
            return cls.model_validate_json(json.dumps(tree))
        except ValidationError as error:
            raise ValueError(_sentence(error.errors(include_url=False)[0], key)) from None


class SparseDocument(Document):
    """A part that omits optional keys whose value is None."""

    @model_validator(mode="after")
    def _whole(self, info: ValidationInfo) -> Self:
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(core)

    @model_serializer(mode="wrap")
    def _without_what_is_absent(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        tree: dict[str, Any] = write(self)
        absent = {
            field.serialization_alias or name
            for name, field in type(self).model_fields.items()
            if not field.is_required() and getattr(self, name) is None
        }
        return {name: value for name, value in tree.items() if name not in absent}


class Report(Document):
    """A report file.

    Attributes
    ----------
    FILE, STAGE, WHAT
        Its path, the stage that writes it, and its kind with an article, for errors.
    SCHEMA
        Schema version. A file with another version is refused. None if the file has no version.
    INDENT
        Indentation in spaces.
    """

    SCHEMA: ClassVar[int | None]
    FILE: ClassVar[str]
    STAGE: ClassVar[str]
    WHAT: ClassVar[str]
    INDENT: ClassVar[int] = 2

    @classmethod
    def read(cls, root: Path) -> Self:
        """Read the report of the project at ``root``."""
        return cls.parse(read_stage_file(root, cls.FILE, cls.STAGE), cls.FILE)

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """Parse ``text``; ``where`` is the file name in errors.

        Raises
        ------
        DataError
            The text is not such a report. The error names the key.
        """
        try:
            # NaN and infinities are accepted here: a rule reports them in a finding.
            return cls._of(json.loads(text, object_pairs_hook=reject_duplicate_keys))
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"not {cls.WHAT}: {error}", where=where, fix=_again(cls.STAGE)
            ) from None

    @classmethod
    def _of(cls, tree: Any) -> Self:
        if not isinstance(tree, dict):
            raise ValueError(f"the file is {json_type(tree)}, not a mapping")
        if cls.SCHEMA is not None:
            if "schema" not in tree:
                raise ValueError("schema is missing")
            if tree["schema"] != cls.SCHEMA:
                raise ValueError(f"schema is {tree['schema']!r}, not {cls.SCHEMA}")
        return cls.of_tree(tree)

    def text(self) -> str:
        """The content of the file. Equal reports give equal text."""
        return dumps(self.tree(), self.INDENT)

    def write(self, root: Path) -> None:
        """Write the report into the project, atomically."""
        write_text(root / self.FILE, self.text())


def find_duplicates(names: Iterable[str]) -> str:
    """The names that occur more than once, sorted and comma-separated; empty if none."""
    return ", ".join(sorted(name for name, times in Counter(names).items() if times > 1))


def _sentence(item: Any, key: str) -> str:
    """A pydantic error as a sentence that starts with the path below ``key``."""
    for step in item["loc"]:
        key += f"[{step}]" if isinstance(step, int) else f".{step}" if key else str(step)
    match item["type"]:
        case "missing":
            return f"{key} is missing"
        case "extra_forbidden":
            return f"{key} is no key that belongs here"
        case "value_error":
            text = str(item["ctx"]["error"])
            return f"{key} {text}" if text.startswith("is ") else f"{key}.{text}".lstrip(".")
        case "json_invalid":
            return f"the file is no JSON: {item['ctx']['error']}"
    if item["type"] not in _EXPECTED:
        return f"{key or 'the file'}: {item['msg']}"
    expected = _EXPECTED[item["type"]].format(**item.get("ctx", {}))
    given = item["input"]
    shown = repr(given) if isinstance(given, str | int | float) else json_type(given)
    if len(shown) > _SHOWN:
        shown = f"{shown[:_SHOWN]}..."
    return f"{key or 'the file'} is {shown}, not {expected}"


def json_type(value: Any) -> str:
    """The type of a JSON value, for errors."""
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")


def reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An ``object_pairs_hook`` that refuses duplicate keys."""
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError("a key is there twice")
    return tree


def read_constant(name: str) -> float | None:
    """A ``parse_constant`` for rows: NaN, as pandas and others write it, is no value."""
    return None if name == "NaN" else float(name)


def reject_constant(name: str) -> NoReturn:
    """A ``parse_constant`` that refuses NaN and infinities."""
    raise ValueError(f"{name} is not a number")


def _again(stage: str) -> str:
    return f"Run {stage} again: dvc repro {stage}."
