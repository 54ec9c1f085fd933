"""Text from data and people in a comment or an issue, where it must do nothing but be read.

Stricter than `assay.project.text`: a code host also acts on references (``#1``, ``!1``,
``~bug``), on formulas (``$``) and, at the start of a line, on quick actions (``/close``).
"""

from __future__ import annotations

import re

from assay.project.text import UNSEEN, escape_all, escape_controls

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
