"""Extracts the one useful line from the long text of a Spark failure."""

from __future__ import annotations

import re

LONGEST = 300

_CONDITION = re.compile(r"\[[A-Z][A-Z0-9_.]+\] (.+?)(?:\s+SQLSTATE: \w+)?$")
_PYTHON = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning)\b.*$")
_CAUSE = re.compile(r"^Caused by: [\w.$]+: (.+)$")


def failure_cause(text: str) -> str:
    """The cause of a failure: Spark's error condition with its root cause, or a worker's error.

    Parameters
    ----------
    text
        A Spark exception as text: messages, Java and Python stack frames mixed.
    """
    lines = [line.rstrip() for line in text.strip().splitlines() if line.strip()]
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        raised = [line for line in lines if _PYTHON.match(line)]
        if raised:
            return raised[-1][:LONGEST]
    conditions = [found[1] for line in lines if (found := _CONDITION.search(line))]
    causes = [found[1] for line in lines if (found := _CAUSE.match(line))]
    # A condition repeats at each level of the stack; the deepest cause is the root cause.
    parts = [*conditions[:1], *(cause for cause in causes[-1:] if not _CONDITION.search(cause))]
    told = ": ".join(part.rstrip(". ") for part in parts) or (lines[0] if lines else "no message")
    return told[:LONGEST]
