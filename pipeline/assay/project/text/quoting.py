"""Show leading and trailing blanks of values in messages, so that `JFK ` differs from `JFK`."""

from __future__ import annotations

import re
from typing import Any

_ENDS = re.compile(r"^\s+|\s+$")
_QUOTED = re.compile(r"(?<!\w)'([^'\n]+)'")
_MARKS = {" ": "␣", "\t": "⇥", "\n": "⏎", "\r": "⏎", "\xa0": "⍽"}


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
