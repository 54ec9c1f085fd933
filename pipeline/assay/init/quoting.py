"""Quotes values for the files of a new project; those of YAML and Python are `assay deploy`'s."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from assay.formats.definition import IN_CONTRACTS, Kind
from assay.init.checks import FieldChecks
from assay.monitor.deploy.quoting import plain, python, yaml, yaml_words
from assay.pages.templating import Quoted

_LONGEST_COMMENT = 160
_BARE = re.compile(r"[A-Za-z](?:[\w ,.()'-]*[\w.)])?", re.ASCII)
_NO_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def comment(text: Any) -> Quoted:
    """One line of a comment, which nothing in the text can end."""
    # A quote or a backslash would end, or change, the docstring that a comment may stand in.
    line = " ".join(str(text).replace("\\", "/").replace('"', "'").split())
    line = "".join(letter if letter.isprintable() else "?" for letter in line)
    return Quoted(line if len(line) <= _LONGEST_COMMENT else f"{line[: _LONGEST_COMMENT - 1]}…")


def literal(value: Any) -> Quoted:
    """A literal of Python: a text, a number, a flag, or several texts."""
    if isinstance(value, str):
        return python(value)
    if isinstance(value, bool | int | float):
        return Quoted(repr(value))
    words = ", ".join(map(python, value))
    return Quoted(f"({words},)" if len(value) == 1 else f"({words})")


def names(words: Sequence[str]) -> Quoted:
    """Names to import."""
    return Quoted(", ".join(map(plain, words)))


def field_type(kind: Kind) -> Quoted:
    """A contract's type."""
    return Quoted(IN_CONTRACTS[kind])


def field_arguments(given: tuple[FieldChecks, Sequence[str]]) -> Quoted:
    """The arguments of a contract's field: its checks, and its roles."""
    checks, roles = given
    parts = [f"{name}={_limit(limit)}" for name, limit in checks.limits.items()]
    if checks.nullable:
        parts.append("nullable=True")
    role = python(roles[0]) if len(roles) == 1 else f"[{', '.join(map(python, roles))}]"
    order = f', "order": {_limit([*checks.order])}' if checks.order and "feature" in roles else ""
    return Quoted(", ".join([*parts, f'metadata={{"role": {role}{order}}}']))


def _limit(value: Any) -> str:
    return f"[{', '.join(map(python, value))}]" if isinstance(value, list) else repr(value)


def words(text: str) -> Quoted:
    """A scalar of YAML, in quotes only where it needs them.

    >>> words("the model's owner"), words("no"), words("a: b")
    ("the model's owner", '"no"', '"a: b"')
    """
    bare = _BARE.fullmatch(text) and text.lower() not in _NO_WORDS
    return Quoted(text) if bare else yaml(text)


def number(value: float) -> Quoted:
    """A number as YAML 1.2 reads it."""
    return Quoted(json.dumps(value))


FILTERS: Mapping[str, Callable[..., Quoted]] = MappingProxyType(
    {
        "arguments": field_arguments,
        "comment": comment,
        "literal": literal,
        "names": names,
        "number": number,
        "plain": plain,
        "python": python,
        "type": field_type,
        "yaml": yaml,
        "words": words,
        "yaml_words": yaml_words,
    }
)
"""Name in a template -> function."""
