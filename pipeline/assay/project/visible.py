"""Values in messages, with the blanks at their ends shown: `JFK ` looks like `JFK` else."""

from __future__ import annotations

import re
from typing import Any

_ENDS = re.compile(r"^\s+|\s+$")
_QUOTED = re.compile(r"(?<!\w)'([^'\n]+)'")
_MARKS = {" ": "␣", "\t": "⇥", "\n": "⏎", "\r": "⏎", "\xa0": "⍽"}


def visible(value: Any) -> str:
    """The value as text, each blank at its beginning or end as a mark, in quotes if there is any.

    >>> visible("JFK "), visible("JFK"), visible(" ")
    ("'JFK␣'", 'JFK', "'␣'")
    """
    text = str(value)
    shown = _ENDS.sub(lambda ends: "".join(map(_mark, ends[0])), text)
    return text if shown == text else f"'{shown}'"


def quoted(value: Any) -> str:
    """The same, always in quotes.

    >>> quoted("JFK "), quoted("JFK")
    ("'JFK␣'", "'JFK'")
    """
    shown = visible(value)
    return repr(value) if shown == str(value) else shown


def retold(message: str) -> str:
    """What a library says, with the blanks at the ends of each value that it quotes shown.

    >>> retold("cannot read '12 ' as a number")
    "cannot read '12␣' as a number"
    """
    return _QUOTED.sub(lambda found: quoted(found[1]), message)


def _mark(blank: str) -> str:
    return _MARKS.get(blank, f"\\u{ord(blank):04x}")
