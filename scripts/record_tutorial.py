"""`make recording`: type the tutorial into a shell, and keep what a newcomer sees, with true times.

Writes docs/images/tutorial.cast (asciinema v2: ``asciinema play docs/images/tutorial.cast``) and
docs/images/tutorial.svg, which plays in a page. The commands are those of docs/start.md, in a
folder of their own that is deleted at the end.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import sys
import tempfile
import time
from pathlib import Path

from scripts import terminal_picture, tutorial
from scripts.clone import ROOT, TOOLS, Failed, shown

IMAGES = ROOT / "docs" / "images"
WIDTH, HEIGHT = 100, 30
HOME = "/home/ada"
DEADLINE = 900.0
"""Seconds that one step may take."""

Event = tuple[float, str]
"""Seconds since the start, and what was printed."""

_DONE = re.compile(r"\x1b\]777;(\d+)\x07")
"""Before each prompt: the exit code of what was typed, in a sequence that no terminal shows."""
SHELL = {
    "PS1": r"\e]777;$?\a$ ",
    "PS2": r"\e]777;0\a> ",
    "TERM": "dumb",
    "COLUMNS": str(WIDTH),
    "LINES": str(HEIGHT),
    "DVC_NO_ANALYTICS": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{
        f"GIT_{role}_{fact}": value
        for role in ("AUTHOR", "COMMITTER")
        for fact, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
    },
}


def main() -> int:
    """Record, and write both files; 0 if each command ended well."""
    steps = tutorial.steps(tutorial.PAGE.read_text(encoding="utf-8"))
    folder = Path(tempfile.mkdtemp(prefix="assay-tutorial-"))
    try:
        events = record([step.commands for step in steps], folder)
    except Failed as failure:
        print(f"recording: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder)
    for path, text in (
        (IMAGES / "tutorial.cast", cast(events)),
        (IMAGES / "tutorial.svg", terminal_picture.draw(events, WIDTH, HEIGHT)),
    ):
        path.write_text(text, encoding="utf-8")
        print(f"recording: {shown(path)} has {len(text.encode()) / 1000:.0f} kB")
    print(f"recording: all of it took {events[-1][0]:.0f} s")
    return 0


def record(commands: list[str], folder: Path) -> list[Event]:
    """What a shell prints while commands are typed into it, each when the one before has ended.

    Raises
    ------
    Failed
        One ended with another code than 0, or not in time.
    """
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    environment |= SHELL | {"PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"}
    child, shell = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], environment)
    events: list[Event] = []
    start = time.monotonic()
    try:
        _listen(shell, events, start, str(folder))
        for line in "".join(commands).splitlines():
            os.write(shell, f"{line}\n".encode())
            code = _listen(shell, events, start, str(folder))
            if code:
                raise Failed(f"exit code {code} of: {line}\n{events[-1][1]}")
    finally:
        os.close(shell)
        os.waitpid(child, 0)
    return events


def _listen(shell: int, events: list[Event], start: float, home: str) -> int:
    """Keep what is printed until the next prompt; the exit code that it told."""
    pending, end = b"", time.monotonic() + DEADLINE
    while True:
        ready, _, _ = select.select([shell], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            raise Failed(f"a command has not ended after {DEADLINE:.0f} s:\n{events[-1][1]}")
        pending += os.read(shell, 65536)
        text = pending.decode("utf-8", "ignore")
        done = _DONE.search(text)
        if not done and (b"\x1b]" in pending or len(text.encode()) < len(pending)):
            continue  # in the middle of a sequence, or of a sign
        if done:
            text = _DONE.sub("", text)
        if text:
            # The folder has a name of its own each time, which says nothing.
            events.append((time.monotonic() - start, text.replace(home, HOME)))
        if done:
            return int(done.group(1))
        pending = b""


def cast(events: list[Event]) -> str:
    """The recording as asciinema plays it, version 2 of its format."""
    head = {
        "version": 2,
        "width": WIDTH,
        "height": HEIGHT,
        "title": "From a table to scored nights",
        "idle_time_limit": 2.0,
    }
    lines = [json.dumps(head)]
    lines += [json.dumps([round(at, 3), "o", text], ensure_ascii=False) for at, text in events]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
