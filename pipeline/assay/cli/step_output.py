"""What a command tells the steps after it in a run of GitHub Actions."""

from __future__ import annotations

import os
from pathlib import Path


def write(name: str, value: str) -> None:
    """Set an output of the step; nothing outside of GitHub Actions.

    Only for words of our own: a value with a line's end could set further outputs.
    """
    if "\n" in value or "\r" in value:
        raise ValueError(f"the output {name} has more than one line")
    path = os.environ.get("GITHUB_OUTPUT")
    if path:
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(f"{name}={value}\n")
