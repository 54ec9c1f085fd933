"""Options that several commands have, and values that they are read as."""

from __future__ import annotations

import argparse
from typing import Annotated

from assay.cli.command import Call, Option
from assay.errors import UsageError


def positive_number(text: str) -> int:
    """The type of an option that is a whole number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, found '{text}'")
    return int(text)


First = Annotated[str | None, Option("the first of several nights", "DAY", "--from")]
Last = Annotated[str | None, Option("the last of them", "DAY", "--to")]
Newest = Annotated[
    int | None,
    Option(
        "instead: the newest N published nights, as a schedule wants it",
        "N",
        "--last-nights",
        positive_number,
    ),
]
Published = Annotated[str, Option("a published night", "DAY")]
Because = Annotated[str, Option("kept for good", "WHY")]
Stage = Annotated[str | None, Option("another stage than registry.stage in params.yaml")]
Push = Annotated[bool, Option("then push the tags to origin")]


def night_range(
    call: Call, date: str | None, first: str | None, last: str | None, others: str = ""
) -> tuple[str, str]:
    """The first and the last night that ``--date`` or ``--from`` and ``--to`` name.

    Parameters
    ----------
    others
        Other ways to name nights, for the error.

    Raises
    ------
    UsageError
        Not exactly one of the two forms is given.
    """
    if (date is None) == (first is None and last is None) or (first is None) != (last is None):
        raise UsageError(
            "say which nights",
            where=f"assay {call.command.name}",
            expected=f"--date DAY, or --from DAY --to DAY{others}",
        )
    return date or first or "", date or last or ""


def night_range_or_newest(
    call: Call, date: str | None, first: str | None, last: str | None, newest: int | None
) -> tuple[str, str]:
    """As `night_range`, or the first and the last of the ``newest`` published nights."""
    if newest is None:
        return night_range(call, date, first, last)
    if (date, first, last) != (None, None, None):
        raise UsageError(
            "say which nights once",
            where=f"assay {call.command.name}",
            expected="--last-nights N, or --date DAY, or --from DAY --to DAY",
        )
    from assay.monitor.nights.history import newest_nights

    return newest_nights(*call.project, newest)
