"""Show what cannot be seen in foreign text: control characters, and the blanks at its ends."""

from __future__ import annotations

import json
import re
from typing import Any

_ENDS = re.compile(r"^\s+|\s+$")
_QUOTED = re.compile(r"(?<!\w)'([^'\n]+)'")
_ACTING = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ue000-\uf8ff\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
"""Control characters, line separators, marks of direction, tags, and what is no character. Not what
parts or joins letters and does nothing else (U+200B to U+200D), as in Persian."""
_MARKS = {" ": "␣", "\t": "⇥", "\n": "⏎", "\r": "⏎", "\xa0": "⍽"}


def escape_controls(text: str, keep: str = "") -> str:
    r"""Foreign text to print or show: what would act on a terminal or a reader, in JSON's escapes.

    All text of tables, people, git and libraries passes through here, once, where it is written:
    to a terminal, Markdown, a page, a message.

    Parameters
    ----------
    keep
        Characters that stay as they are. A JSON document that keeps ``"\n"`` stays the same.

    >>> print(escape_controls("\x1b[31mred\x1b[0m\n\u202egpj.exe"))
    \u001b[31mred\u001b[0m\n\u202egpj.exe
    """
    return _ACTING.sub(lambda it: it[0] if it[0] in keep else json.dumps(it[0])[1:-1], text)


def mark_blanks(value: Any) -> str:
    """The value as text. If it has leading or trailing blanks, these are marked and it is quoted.

    >>> mark_blanks("JFK "), mark_blanks("JFK"), mark_blanks(" ")
    ("'JFK␣'", 'JFK', "'␣'")
    """
    text = str(value)
    shown = _ENDS.sub(lambda ends: "".join(map(_mark, ends[0])), text)
    return text if shown == text else f"'{shown}'"


def quote_value(value: Any) -> str:
    """Like `mark_blanks`, but always in quotes.

    >>> quote_value("JFK "), quote_value("JFK")
    ("'JFK␣'", "'JFK'")
    """
    shown = mark_blanks(value)
    return repr(value) if shown == str(value) else shown


def mark_message_blanks(message: str) -> str:
    """A library's message, with the blanks of every quoted value made visible.

    >>> mark_message_blanks("cannot read '12 ' as a number")
    "cannot read '12␣' as a number"
    """
    return _QUOTED.sub(lambda found: quote_value(found[1]), message)


def _mark(blank: str) -> str:
    return _MARKS.get(blank, f"\\u{ord(blank):04x}")
