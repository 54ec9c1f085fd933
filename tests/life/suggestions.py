"""The commands that messages suggest, found in the output and tried in a copy of the world."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
from collections.abc import Iterator

from assay.cli.__main__ import build_parser
from tests.life.world import Answer, World

ASSAY = re.compile(r"(?<![\w./`'-])assay ([a-z][a-z-]+(?: [^;,)\n]*)?)")
GIT = re.compile(r"(?<![\w./-])(git (?:rm|add|fetch|push|checkout|config|init|tag) [^;,)\n]*)")
PROGRESS = re.compile(r"^(?:nightly: .*|assay: nightly: .*? ended with \d+: )", re.MULTILINE)
"""What the schedule says of its own commands."""
PLACEHOLDERS = {"WHY": "'so it is'", "DAY": "2024-03-01"}
REFUSED = (1, 2, 70)
"""Exit codes with which no command may end that was suggested: it does not say what to do next."""


def suggested(answer: Answer) -> Iterator[str]:
    """The commands that an answer tells its reader to type, those with an option or argument."""
    text = PROGRESS.sub("", answer.err)
    for found in GIT.finditer(text):
        yield found[1].strip().removesuffix(".")
    for found in ASSAY.finditer(text):
        words = _split(found[1])
        for many in range(len(words), 1, -1):  # what follows the command is prose
            if _parses(words[:many]):
                yield shlex.join(("assay", *words[:many]))
                break


def failures(world: World, answer: Answer, tried: set[str]) -> list[str]:
    """The suggestions that do not work here, each tried in a copy of the world of its own.

    Parameters
    ----------
    tried
        Kinds of suggestions that were tried before, which are left out; new ones are added.
    """
    found = []
    for command in suggested(answer):
        kind = re.sub(r"\d[\w:-]*", "N", command)
        if kind in tried:
            continue
        tried.add(kind)
        with world.copied(world.root.parent / "tried") as other:
            problem = _try(other, command)
        if problem:
            found.append(f"'{command}' was suggested by {answer}\nand fails: {problem}")
    return found


def _try(world: World, command: str) -> str:
    """What is wrong with a command; empty if it works."""
    if command.startswith("git "):
        done = subprocess.run(command, cwd=world.root, shell=True, capture_output=True, text=True)
        return done.stderr or f"exit code {done.returncode}" if done.returncode else ""
    answer = world.assay(*shlex.split(command)[1:])
    return str(answer) if answer.code in REFUSED else ""


def _split(text: str) -> list[str]:
    for name, value in PLACEHOLDERS.items():
        text = re.sub(rf"\b{name}\b", value, text)
    try:
        return [word.removesuffix(".") for word in shlex.split(text)]
    except ValueError:  # an apostrophe of the prose behind it
        return [word.removesuffix(".") for word in text.split()]


def _parses(words: list[str]) -> bool:
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        try:
            build_parser().parse_args(words)
        except SystemExit:
            return False
    return True
