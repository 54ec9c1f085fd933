"""`python -m scripts.new_pins KNOWN LIST`: keep of a pinned list only what another one lacks.

An extra's list then shows what it adds, and nothing is pinned in two places.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ENTRY = re.compile(r"^(?P<name>[\w.-]+)==\S+.*\n(?:[ \t]+.*\n)*", re.MULTILINE)
"""A package with its version, hashes and comments."""


def new_pins(known: str, text: str) -> str:
    """``text`` without the entries whose package is in ``known`` too.

    Raises
    ------
    ValueError
        The two pin different versions of a package.
    """
    there = {found["name"]: _pin(found[0]) for found in ENTRY.finditer(known)}

    def kept(found: re.Match[str]) -> str:
        name, pin = found["name"], _pin(found[0])
        if there.get(name, pin) != pin:
            raise ValueError(f"{pin} here, {there[name]} in the other list")
        return "" if name in there else found[0]

    return ENTRY.sub(kept, text)


def _pin(entry: str) -> str:
    return entry.split()[0]


def main(known: Path, target: Path) -> None:
    text = new_pins(known.read_text(encoding="utf-8"), target.read_text(encoding="utf-8"))
    target.write_text(text, encoding="utf-8")
    print(f"{target}: {len(ENTRY.findall(text))} packages that {known} lacks")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
