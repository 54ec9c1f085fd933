"""Results of commands as JSON documents."""

from __future__ import annotations

from typing import Any

from assay.project.document import Report


def to_json(found: Any) -> str:
    """A report as its file has it; of any other result its fields, and its class's ``SCHEMA``.

    A result whose document is another value makes it by its method ``document``.
    """
    from pydantic import TypeAdapter

    made = _made(found)
    if isinstance(made, Report):
        return made.text()
    tree = TypeAdapter(type(made)).dump_python(made, mode="json")
    if (schema := getattr(made, "SCHEMA", None)) is not None:
        tree = {"schema": schema, **tree}
    return TypeAdapter(Any).dump_json(tree, indent=2).decode("utf-8")


def _made(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _made(each) for name, each in found.items()}
    return found.document() if hasattr(found, "document") else found
