"""Text as people read it: numbers, foreign text that is safe to show, and Markdown."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from math import floor, isfinite, log10
from typing import Any

from assay.errors.base import MASK, private_names


def format_count(value: float | None, none: str = "") -> str:
    """A whole number with thousands separators."""
    return none if value is None else f"{value:,}"


def counted(count: float | None, one: str, many: str | None = None) -> str:
    """A number of something, with thousands separators: the plural unless there is one.

    None is an unknown number.

    >>> counted(1, "row"), counted(2000, "row"), counted(0, "class", "classes")
    ('1 row', '2,000 rows', '0 classes')
    """
    number = "unknown" if count is None else f"{count:,.15g}"
    return f"{number} {one if count == 1 else many or one + 's'}"


def format_fixed(value: float | None, digits: int = 3, none: str = "") -> str:
    """A distance, metric or effect with a fixed number of decimals."""
    return none if value is None else f"{value:.{digits}f}"


def format_digits(value: float, digits: int = 4) -> str:
    """A number of any size to so many significant digits, never as 4.86e+03.

    >>> format_digits(4862.4, 3), format_digits(0.12345), format_digits(1234567.0), format_digits(0)
    ('4,860', '0.1235', '1,235,000', '0')
    """
    if value == 0 or not isfinite(value):
        return f"{value:g}"
    return f"{round(value, digits - 1 - floor(log10(abs(value)))):,.15g}"


def first_few(names: Iterable[str], most: int = 3, between: str = ", ") -> str:
    """A few names, and how many more there are.

    >>> first_few("abcde")
    'a, b, c and 2 more'
    """
    listed = list(names)
    more = f" and {len(listed) - most:,} more" if len(listed) > most else ""
    return between.join(listed[:most]) + more


def format_short(value: float | None, none: str = "-") -> str:
    """Four decimals below 10, else five significant digits; ``none`` where there is no value."""
    if value is None:
        return none
    return f"{value:.4f}" if abs(value) < 10 else format_digits(value, 5)


def format_percent(share: float | None, digits: int = 1) -> str:
    """A share of 0 to 1 as a percentage with so many decimals."""
    return "" if share is None else f"{share:.{digits}%}"


def format_certainty(share: float) -> str:
    """A share near 1 in percent, as exactly as it is near.

    >>> format_certainty(0.9875), format_certainty(0.999811), format_certainty(1.0)
    ('98.75 %', '99.981 %', '100 %')
    """
    lacking = 100 * (1 - share)
    return f"{100 - float(f'{lacking:.{3 if lacking >= 1 else 2}g}'):.12g} %"


def ordinal(number: int) -> str:
    """The place of a whole number.

    >>> ordinal(1), ordinal(2), ordinal(12), ordinal(23)
    ('1st', '2nd', '12th', '23rd')
    """
    endings = {1: "st", 2: "nd", 3: "rd"}
    ending = "th" if number // 10 % 10 == 1 else endings.get(number % 10, "th")
    return f"{number:,}{ending}"


def format_exact_percent(share: float) -> str:
    """A share of 0 to 1 in percent. Only exactly 0 and 1 become 0% and 100%.

    >>> format_exact_percent(0.25), format_exact_percent(0.00001)
    ('25%', 'under 0.01%')
    """
    if 0 < share < 0.0001:
        return "under 0.01%"
    if 0.9999 < share < 1:
        return "over 99.99%"
    return f"{round(share * 100, 2):g}%"


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


def quote_line(line: str, most: int = 80) -> str:
    """The beginning of a line or a cell of a file; where columns are private it may be of one."""
    return MASK if private_names() else quote_value(line[:most])


def suggest(name: object, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The fix for a mistyped name; None if no other is like it.

    >>> suggest("weigth", ["weight", "height"])
    "Did you mean 'weight'?"
    """
    near = difflib.get_close_matches(str(name), list(known), n=1, cutoff=cutoff)
    return f"Did you mean {quote_value(near[0])}?" if near else None


def mark_message_blanks(message: str) -> str:
    """A library's message, with the blanks of every quoted value made visible.

    >>> mark_message_blanks("cannot read '12 ' as a number")
    "cannot read '12␣' as a number"
    """
    return _QUOTED.sub(lambda found: quote_value(found[1]), message)


def _mark(blank: str) -> str:
    return _MARKS.get(blank, f"\\u{ord(blank):04x}")


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


# --------- text from data and people in a comment or an issue, where it must do nothing but be read
# Stricter than `assay.project.text`: a code host also acts on references (``#1``, ``!1``,
# ``~bug``), on formulas (``$``) and, at the start of a line, on quick actions (``/close``).

_REFERENCES = re.compile(r"(?i)([!%~^]|&amp;|\\[#~]|(?<=\w)@)(?=[\w\"'])")
BLANK = "␣"
"""Stands for a text of which nothing can be seen."""


def one_line(value: str, most: int) -> str:
    """The text on one line, control characters escaped, at most ``most`` characters of it."""
    seen = escape_controls(" ".join(value.split()))
    return seen if len(seen) <= most else f"{seen[: max(most - 1, 0)].rstrip()}…"


def prose(value: str, most: int = 300) -> str:
    """Text to stand in a line or a table's cell; all its syntax appears literally."""
    text = escape_all(one_line(value, most)).replace("$", f"&#36;{UNSEEN}")
    text = _REFERENCES.sub(rf"\1{UNSEEN}", text)
    return f"{UNSEEN}{text}" if text.startswith("/") else text or BLANK


def code(value: str, most: int = 120, *, cell: bool = False) -> str:
    """Text in a code span; ``cell`` if that stands in a table's cell."""
    text = one_line(value, most).replace("`", "'").strip()
    if cell:
        text = text.replace("|", "\\|")
    return f"`{text}`" if text else "` `"
