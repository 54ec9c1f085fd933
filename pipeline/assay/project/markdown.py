"""Text from data or people inside Markdown that others read, on GitHub for one: only text."""

from __future__ import annotations

import re

UNSEEN = "\u200b"
"""A space of no width: what it parts is no name, address or number for whoever looks for those."""

_LINKS = re.compile(r"(?i)(?<=:)(?=//)|(?<=www)(?=\.)|(?<=mailto)(?=:)")
_NUMBERS = re.compile(r"(?i)(?<=#)(?=\d)|(?<=\bGH)(?=-\d)")


def tame(value: str) -> str:
    """Text on one line that is no HTML, link, mention, image, code or cell of a table."""
    line = _flat(value)
    # Names of references cannot be defined within a line, so a link needs a bracket behind it.
    line = line.replace("`", "'").replace("|", "\\|").replace("](", "]\\(")
    return _inert(line)


def plain(value: str) -> str:
    """The same, with every mark that Markdown knows left as it is written."""
    line = _flat(value).replace(">", "&gt;")
    return _inert(re.sub(r"([\\`*_\[\]|#~])", r"\\\1", line))


def code(value: str) -> str:
    """Text for between two backticks, where nothing else means anything."""
    return " ".join(value.replace("`", "'").split())


def _flat(value: str) -> str:
    line = " ".join(value.split())
    return line.replace("&", "&amp;").replace("<", "&lt;")


def _inert(line: str) -> str:
    # GitHub notifies whoever has a name, and links addresses and numbers of issues by itself.
    line = _NUMBERS.sub(UNSEEN, _LINKS.sub(UNSEEN, line))
    return line.replace("@", f"@{UNSEEN}")
