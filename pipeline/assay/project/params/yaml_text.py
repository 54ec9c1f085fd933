"""Load untrusted YAML with limits on its size, nesting and expanded aliases; change values in it.

An alias expands to everything under its anchor: ten lines of nested aliases can be a billion
values. A thousand brackets exceed Python's recursion limit. So size, depth and expanded aliases
are counted in the event stream, before any value is built.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from assay.errors import ParamsError

LARGEST = 4_000_000
"""Maximum number of characters."""
DEEPEST = 50
MOST = 100_000
"""Maximum number of values, with aliases expanded."""


class YamlError(Exception):
    """The text is not valid YAML or exceeds a limit; ``line`` counts from 1, 0 if unknown."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.line = line


def load(text: str) -> Any:
    """The values in ``text`` as ruamel.yaml's annotated nodes, which carry line numbers.

    Raises
    ------
    YamlError
        The text is not valid YAML, or exceeds a limit.
    """
    from ruamel.yaml import YAML

    check_limits(text)
    try:
        return YAML(typ="rt").load(text)
    except Exception as error:  # ruamel raises more than its own errors: an odd date, an odd key
        raise _problem(error) from None


def check_limits(text: str) -> None:
    """Check the limits.

    Raises
    ------
    YamlError
        The text is not valid YAML, or exceeds a limit.
    """
    from ruamel.yaml import YAML

    if len(text) > LARGEST:
        raise YamlError(f"{len(text):,} characters, more than {LARGEST:,}")
    try:
        _count(YAML(typ="safe", pure=True).parse(text))
    except YamlError:
        raise
    except Exception as error:
        raise _problem(error) from None


def _count(events: Any) -> None:
    from ruamel.yaml.events import (
        AliasEvent,
        CollectionEndEvent,
        CollectionStartEvent,
        NodeEvent,
    )

    sizes: dict[str, int] = {}
    within: list[tuple[str | None, int]] = []  # open collections: anchor, values before it
    total = 0
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent):
            if any(event.anchor == anchor for anchor, _ in within):
                raise YamlError(f"the alias *{event.anchor} stands for itself", line)
            total += sizes.get(event.anchor, 1)
        elif isinstance(event, CollectionEndEvent):
            anchor, before = within.pop()
            if anchor is not None:
                sizes[anchor] = total - before
        elif isinstance(event, NodeEvent):
            if isinstance(event, CollectionStartEvent):
                within.append((event.anchor, total))
            elif event.anchor is not None:
                sizes[event.anchor] = 1
            total += 1
        if len(within) > DEEPEST:
            raise YamlError(f"nested more than {DEEPEST} deep", line)
        if total > MOST:
            raise YamlError(f"more than {MOST:,} values, with what its aliases stand for", line)


def _problem(error: Exception) -> YamlError:
    mark = getattr(error, "problem_mark", None)
    text = getattr(error, "problem", None) or str(error) or type(error).__name__
    # Of a key that comes twice, ruamel shows all that is under both.
    reason = "not valid YAML: " + " ".join(text.partition(" with value ")[0].split())
    return YamlError(reason, mark.line + 1 if mark else 0)


Path = Sequence[str]
_PLAIN = re.compile(r"""(?P<quote>["']?)(?P<value>[^\s"',}\]#]+)(?P=quote)""")


def set_values(text: str, values: Mapping[tuple[str, ...], str]) -> str:
    """``text`` with other scalars at these keys; a quoted value stays quoted.

    Raises
    ------
    ParamsError
        A key is missing, or its value is no plain scalar on one line.
    """
    tree = load(text)
    lines = text.splitlines(keepends=True)
    places = []
    for keys, value in values.items():
        node = tree
        try:
            for key in keys[:-1]:
                node = node[key]
            line, column = node.lc.value(keys[-1])
        except (KeyError, TypeError, AttributeError):
            raise _odd(keys) from None
        match = _PLAIN.match(lines[line], column)
        if match is None or match["value"] != str(node[keys[-1]]):
            raise _odd(keys)
        places.append(
            (line, match.start(), match.end(), f"{match['quote']}{value}{match['quote']}")
        )
    # From the end, so that the places before it stay right.
    for line, start, end, value in sorted(places, reverse=True):
        lines[line] = lines[line][:start] + value + lines[line][end:]
    return "".join(lines)


def _odd(keys: Path) -> ParamsError:
    return ParamsError([f"params.yaml: {'.'.join(keys)}: expected a plain value on one line"])
