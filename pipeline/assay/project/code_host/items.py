"""Fields of what a code host answers, checked."""

from __future__ import annotations

from typing import Any

from assay.errors import CodeHostFailed


def text_of(item: Any, key: str) -> str:
    """A text; "" for null, as of a comment or issue without a body.

    Raises
    ------
    CodeHostFailed
        It is something else.
    """
    value = item.get(key) if isinstance(item, dict) else item
    if value is None:
        return ""
    if not isinstance(value, str) or not isinstance(item, dict):
        raise _odd(key, "a text")
    return value


def number_of(item: Any, key: str) -> int:
    """A number.

    Raises
    ------
    CodeHostFailed
        It is none.
    """
    value = item.get(key) if isinstance(item, dict) else None
    if not isinstance(value, int) or isinstance(value, bool):
        raise _odd(key, "a number")
    return value


def _odd(key: str, kind: str) -> CodeHostFailed:
    return CodeHostFailed(
        "the code host's answer has another form",
        where=key,
        expected=kind,
        fix="Is GITHUB_API_URL or CI_API_V4_URL the address of its REST API?",
    )
