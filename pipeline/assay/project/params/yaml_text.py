"""Load untrusted YAML with limits on its size, nesting and expanded aliases; change values in it.

An alias expands to everything under its anchor: ten lines of nested aliases can be a billion
values. A thousand brackets exceed Python's recursion limit. So size, depth and expanded aliases
are counted in the event stream as it is read, before any value is built.
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
    from ruamel.yaml.parser import RoundTripParser

    class CountedParser(RoundTripParser):
        """Counts while nodes are made of the events: another pass would take as long again."""

        def __init__(self, loader: Any) -> None:
            super().__init__(loader)
            self._counter = _Counter()

        def get_event(self) -> Any:
            event = super().get_event()
            self._counter.add(event)
            return event

    _check_size(text)
    reader = YAML(typ="rt")
    reader.Parser = CountedParser
    try:
        return reader.load(text)
    except YamlError:
        raise
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

    _check_size(text)
    counter = _Counter()
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            counter.add(event)
    except YamlError:
        raise
    except Exception as error:
        raise _problem(error) from None


def _check_size(text: str) -> None:
    if len(text) > LARGEST:
        raise YamlError(f"{len(text):,} characters, more than {LARGEST:,}")


class _Counter:
    """Counts the values and the depth of a stream of events, and raises YamlError at a limit."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._within: list[tuple[str | None, int]] = []  # open: anchor, values before it
        self._total = 0

    def add(self, event: Any) -> None:
        """Count one event more."""
        from ruamel.yaml.events import (
            AliasEvent,
            CollectionEndEvent,
            CollectionStartEvent,
            NodeEvent,
        )

        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent):
            if any(event.anchor == anchor for anchor, _ in self._within):
                raise YamlError(f"the alias *{event.anchor} stands for itself", line)
            self._total += self._sizes.get(event.anchor, 1)
        elif isinstance(event, CollectionEndEvent):
            anchor, before = self._within.pop()
            if anchor is not None:
                self._sizes[anchor] = self._total - before
        elif isinstance(event, NodeEvent):
            if isinstance(event, CollectionStartEvent):
                self._within.append((event.anchor, self._total))
            elif event.anchor is not None:
                self._sizes[event.anchor] = 1
            self._total += 1
        if len(self._within) > DEEPEST:
            raise YamlError(f"nested more than {DEEPEST} deep", line)
        if self._total > MOST:
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
