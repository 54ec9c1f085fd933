"""Base classes of reports: JSON files that one stage writes and another reads, with one schema.

A report may have been edited, merged or truncated since. Any violation of the schema becomes one
error that names the file and the key. NaN is accepted, so that a rule can report it in a finding.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

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

from assay.project import jsonfile, textfile
from assay.project.jsonfile import JsonNode, json_type

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


class Document(BaseModel):
    """A part of a report. Every key is present in the file; an absent value is null.

    Defaults apply only in Python code. They do not apply when a file is read, because a default
    would hide a deleted key.

    Attributes
    ----------
    LATER
        Keys that were added later. Older files lack them, so their defaults apply on reading.
    """

    LATER: ClassVar[frozenset[str]] = frozenset()

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", populate_by_name=True, allow_inf_nan=True
    )

    @model_validator(mode="after")
    def _whole(self, info: ValidationInfo) -> Self:
        given = self.model_fields_set
        if info.mode == "json" and len(given) < len(type(self).model_fields):
            for name, field in type(self).model_fields.items():
                if name not in given and name not in self.LATER:
                    raise ValueError(f"{field.validation_alias or name} is missing")
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler(core)
        whole = handler.resolve_ref_schema(found)
        whole["required"] = [name for name in whole["properties"] if name not in cls.LATER]
        return found

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
        return cls.parse(jsonfile.read_stage_file(root, cls.FILE, cls.STAGE), cls.FILE)

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """Parse ``text``; ``where`` is the file name in errors."""
        return jsonfile.parse(text, where, cls.STAGE, cls.WHAT, cls._of)

    @classmethod
    def _of(cls, node: JsonNode) -> Self:
        if cls.SCHEMA is not None:
            node.schema(cls.SCHEMA)
        return cls.of_tree(node.tree)

    def text(self) -> str:
        """The content of the file. Equal reports give equal text."""
        return jsonfile.dumps(self.tree(), self.INDENT)

    def write(self, root: Path) -> None:
        """Write the report into the project, atomically."""
        textfile.write(root / self.FILE, self.text())


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
            told = str(item["ctx"]["error"])
            return f"{key} {told}" if told.startswith("is ") else f"{key}.{told}".lstrip(".")
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
