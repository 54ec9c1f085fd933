"""YAML of people, read with limits: a few lines of it can unfold to more than memory holds.

An alias stands for all that its anchor holds, so ten lines of aliases to aliases are a billion
values, and a thousand brackets are more calls than Python nests. Size, depth and what aliases
unfold to are therefore counted in the stream of events, before anything is built.
"""

from __future__ import annotations

from typing import Any

LARGEST = 4_000_000
"""Characters."""
DEEPEST = 50
MOST = 100_000
"""Values, each alias counted as all that it stands for."""


class YamlProblem(Exception):
    """The text is no YAML, or more than is read; ``line`` counts from 1, 0 if none is to blame."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.line = line


def load(text: str) -> Any:
    """The values in ``text`` as ruamel.yaml's annotated nodes, which know their lines.

    Raises
    ------
    YamlProblem
        It is not valid YAML, or not within the limits.
    """
    from ruamel.yaml import YAML

    check(text)
    try:
        return YAML(typ="rt").load(text)
    except Exception as error:  # ruamel raises more than its own errors: an odd date, an odd key
        raise _problem(error) from None


def check(text: str) -> None:
    """Refuse what is not within the limits, or what cannot be parsed.

    Raises
    ------
    YamlProblem
    """
    from ruamel.yaml import YAML

    if len(text) > LARGEST:
        raise YamlProblem(f"{len(text):,} characters, more than {LARGEST:,}")
    try:
        _count(YAML(typ="safe", pure=True).parse(text))
    except YamlProblem:
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
    within: list[tuple[str | None, int]] = []  # anchors of the open ones, and values before each
    total = 0
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent):
            if any(event.anchor == anchor for anchor, _ in within):
                raise YamlProblem(f"the alias *{event.anchor} stands for itself", line)
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
            raise YamlProblem(f"nested more than {DEEPEST} deep", line)
        if total > MOST:
            raise YamlProblem(f"more than {MOST:,} values, with what its aliases stand for", line)


def _problem(error: Exception) -> YamlProblem:
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or str(error) or type(error).__name__
    reason = "not valid YAML: " + " ".join(said.split())
    return YamlProblem(reason, mark.line + 1 if mark else 0)
