"""Values in messages, with the blanks at their ends shown: `JFK ` looks like `JFK` else."""

from __future__ import annotations

import re
from typing import Any

_ENDS = re.compile(r"^\s+|\s+$")
_MARKS = {" ": "␣", "\t": "⇥", "\n": "⏎", "\r": "⏎", "\xa0": "⍽"}


def visible(value: Any) -> str:
    """The value as text, each blank at its beginning or end as a mark, in quotes if there is any.

    >>> visible("JFK "), visible("JFK"), visible(" ")
    ("'JFK␣'", 'JFK', "'␣'")
    """
    text = str(value)
    shown = _ENDS.sub(lambda ends: "".join(map(_mark, ends[0])), text)
    return text if shown == text else f"'{shown}'"


def _mark(blank: str) -> str:
    return _MARKS.get(blank, f"\\u{ord(blank):04x}")
