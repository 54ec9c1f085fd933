"""Escape untrusted text (from data or people) for Markdown, for example on GitHub."""

from __future__ import annotations

import re

from assay.project.text.quoting import escape_controls

UNSEEN = "\u200b"
"""Zero-width space. It breaks up mentions, URLs and issue numbers, so they are not linked."""

_LINKS = re.compile(r"(?i)(?<=:)(?=//)|(?<=www)(?=\.)|(?<=mailto)(?=:)")
_NUMBERS = re.compile(r"(?i)(?<=#)(?=\d)|(?<=\bGH)(?=-\d)")


def escape_line(value: str) -> str:
    """One line of text without active HTML, links, mentions, images, code or table cells."""
    line = _flat(value)
    # Link references cannot be defined within a line, so a link needs "](".
    line = line.replace("`", "'").replace("|", "\\|").replace("](", "]\\(")
    return _inert(line)


def escape_all(value: str) -> str:
    """Like `escape_line`, but all Markdown syntax is escaped and appears literally."""
    line = _flat(value).replace(">", "&gt;")
    return _inert(re.sub(r"([\\`*_\[\]|#~])", r"\\\1", line))


def escape_code(value: str) -> str:
    """Text for use between two backticks, where no other syntax applies."""
    return escape_controls(" ".join(value.replace("`", "'").split()))


def _flat(value: str) -> str:
    line = escape_controls(" ".join(value.split()))
    return line.replace("&", "&amp;").replace("<", "&lt;")


def _inert(line: str) -> str:
    # GitHub notifies mentioned users and links URLs and issue numbers automatically.
    line = _NUMBERS.sub(UNSEEN, _LINKS.sub(UNSEEN, line))
    return line.replace("@", f"@{UNSEEN}")
