"""What a server of PostgreSQL answers, in one line."""

from __future__ import annotations

import pytest

from assay.score.inputs.postgres import error_message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'IO: [libpq] Failed to connect: connection to server at "h", port 1 failed: FATAL:  no',
            "no",
        ),
        ("IO: [libpq] Failed to connect: could not translate\n", "Failed to connect: could not "),
        ("NOT_FOUND: Failed: ERROR:  a column\nLINE 1: x\n\nQuery was: SELECT s", "a column"),
    ],
)
def test_of_what_a_server_says_its_own_line_is_kept(text: str, expected: str) -> None:
    assert error_message(text).startswith(expected)
    assert "\n" not in error_message(text) and "Query" not in error_message(text)
