"""What a report is: a file that one stage writes and another reads, by one class.

A file that a stage wrote may have been edited, merged or cut short since: whatever is not as the
class says becomes one error that names the file and the key. NaN is let through, so that a rule can
fail on it in words that a person can read.
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
from assay.project.jsonfile import Node, kind

Count = Annotated[int, Field(ge=0)]
Text = Annotated[str, Field(min_length=1)]

_SHOWN = 80
"""Characters of a wrong value that an error shows."""

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
    """A part of a report. Each key stands in the file, with null where there is nothing.

    A default is for who makes one: of a file that lacks the key, it would hide that somebody took
    it out.

    Attributes
    ----------
    LATER
        Keys that files of earlier versions lack: of those alone the default counts.
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
        """As JSON values, in the order of the file."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def of_tree(cls, tree: Any, key: str = "") -> Self:
        """The way back; ``key`` is what the error calls the place.

        Raises
        ------
        ValueError
            A key is missing, unknown or of the wrong kind.
        """
        try:
            # As JSON once more, since a list of Python's is no tuple to a strict model.
            return cls.model_validate_json(json.dumps(tree))
        except ValidationError as error:
            raise ValueError(_sentence(error.errors(include_url=False)[0], key)) from None


class Sparse(Document):
    """A part whose file leaves out what there is nothing of: a field that is None by default."""

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
    """A whole file.

    Attributes
    ----------
    FILE, STAGE, WHAT
        Where it lies, which stage writes it, and what it is, with its article.
    SCHEMA
        The number of its form: what another version of Assay wrote is refused. None of a file
        that says no number.
    INDENT
        Of the file's lines, in blanks.
    """

    SCHEMA: ClassVar[int | None]
    FILE: ClassVar[str]
    STAGE: ClassVar[str]
    WHAT: ClassVar[str]
    INDENT: ClassVar[int] = 2

    @classmethod
    def read(cls, root: Path) -> Self:
        """The project's own.

        Raises
        ------
        StageInputMissing
            The stage has not run.
        DataError
            The file is malformed; names the key.
        """
        return cls.parse(jsonfile.text_of(root, cls.FILE, cls.STAGE), cls.FILE)

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """What ``text`` holds; errors call the file ``where``.

        Raises
        ------
        DataError
            It is malformed; names the key.
        """
        return jsonfile.parse(text, where, cls.STAGE, cls.WHAT, cls._of)

    @classmethod
    def _of(cls, node: Node) -> Self:
        if cls.SCHEMA is not None:
            node.schema(cls.SCHEMA)
        return cls.of_tree(node.tree)

    def text(self) -> str:
        """What the file holds: the same report always gives the same text."""
        return jsonfile.dumps(self.tree(), self.INDENT)

    def write(self, root: Path) -> None:
        """Leave it in the project, whole or not at all."""
        textfile.write(root / self.FILE, self.text())


def repeated(names: Iterable[str]) -> str:
    """Those that are there more than once, in alphabetical order; empty if none is."""
    return ", ".join(sorted(name for name, times in Counter(names).items() if times > 1))


def _sentence(item: Any, key: str) -> str:
    """What is wrong, beginning with where: under ``key``."""
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
    shown = repr(given) if isinstance(given, str | int | float) else kind(given)
    if len(shown) > _SHOWN:
        shown = f"{shown[:_SHOWN]}..."
    return f"{key or 'the file'} is {shown}, not {expected}"
