"""The demonstration's own clone of this repository, and how commands are run in it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CLONE = ROOT / "build" / "demo"
TOOLS = Path(sys.executable).parent


class Failed(Exception):
    """A step that did not end as it should; the message says how to repeat it."""


def make_clone() -> None:
    """Clone HEAD anew, without tags or a remote."""
    if not (TOOLS / "dvc").exists() or not (TOOLS / "assay").exists():
        raise Failed("dvc and assay are not installed beside this Python. Run: make demo")
    if git("rev-parse", "--verify", "--quiet", "HEAD", at=ROOT).returncode:
        raise Failed(f"{ROOT} is not a git repository with a commit; there is nothing to clone")
    changes = git("status", "--porcelain", at=ROOT).stdout.splitlines()
    if changes:
        print(
            f"Note: the demonstration runs the last commit; it does not see {len(changes)} "
            f"uncommitted change{'s' if len(changes) > 1 else ''} (git status lists them)."
        )
    if CLONE.exists():
        print(f"Deleting the previous {shown(CLONE)}")
        shutil.rmtree(CLONE)
    CLONE.parent.mkdir(parents=True, exist_ok=True)
    must("clone", "--quiet", "--no-tags", str(ROOT), str(CLONE), at=ROOT)
    must("remote", "remove", "origin")
    # A key that has to be unlocked must not stop the show.
    must("config", "commit.gpgsign", "false")
    must("config", "tag.gpgsign", "false")
    if not (git("config", "user.name").stdout and git("config", "user.email").stdout):
        must("config", "user.name", "Assay demonstration")
        must("config", "user.email", "demo@localhost")
    head = git("log", "-1", "--format=%h %s").stdout.strip()
    print(f"Cloned {head} into {shown(CLONE)}")


def git(*arguments: str, at: Path = CLONE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *arguments], cwd=at, env=environment(), capture_output=True, text=True
    )


def must(*arguments: str, at: Path = CLONE) -> None:
    done = git(*arguments, at=at)
    if done.returncode:
        raise Failed(f"git {shlex.join(arguments)} failed: {done.stderr.strip()}")


def environment() -> dict[str, str]:
    """Our own, less what git sets inside a hook, plus the clone's package."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "PATH": os.pathsep.join([str(TOOLS), kept.get("PATH", os.defpath)]),
        # Before what is installed, which may be edited while the demonstration runs.
        "PYTHONPATH": os.pathsep.join([str(CLONE / "pipeline"), str(CLONE)]),
        "PYTHONUNBUFFERED": "1",
        "DVC_NO_ANALYTICS": "1",
        "DO_NOT_TRACK": "1",
    }


def exports() -> str:
    return f'PATH="{TOOLS}:$PATH" PYTHONPATH="$PWD/pipeline:$PWD" DVC_NO_ANALYTICS=1'


def stream(command: Sequence[str], listen: bool, echo: bool = True) -> tuple[int, str]:
    """Exit code and, if we ``listen``, the output, which is also shown unless not to ``echo``.

    Without listening the terminal is passed on.
    """
    with subprocess.Popen(
        command,
        cwd=CLONE,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if listen else None,
        text=True,
    ) as process:
        heard = []
        for line in process.stdout or ():
            if echo:
                print(line, end="", flush=True)
            heard.append(line)
    return process.returncode, "".join(heard)


def shown(path: Path) -> str:
    """``path`` as seen from where the user stands, if it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
