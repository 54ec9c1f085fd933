"""Results of commands as JSON documents."""

from __future__ import annotations

from typing import Any

from assay.project.document import Report

_OWN = ("document", "to_json", "plain", "to_dict", "tree")


def to_json(found: Any) -> str:
    """A report as its file has it; of any other result its fields.

    A result whose document is another value makes it by its method ``document``.
    """
    from pydantic import TypeAdapter

    made = _made(found)
    if isinstance(made, str):
        return made
    if isinstance(made, Report):
        return made.text()
    text = TypeAdapter(type(made)).dump_json(made, indent=2, by_alias=True)
    return text.decode("utf-8")


def _made(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _made(each) for name, each in found.items()}
    if not isinstance(found, Report):
        for name in _OWN:
            if hasattr(found, name):
                return getattr(found, name)()
    return found
