"""`make demo`: the whole flow on real flights, in a clone of its own under build/demo.

Trains and gates a model, promotes it, scores a week of July 2013 with Spark and compares
each night with what the model was trained on. The clone has its own tags, models and store,
and no remote, so nothing that happens here can reach the repository it was cloned from.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CLONE = ROOT / "build" / "demo"
TOOLS = Path(sys.executable).parent
NIGHTS = [f"2013-07-0{day}" for day in range(1, 8)]
WHY = "first model: beats the base rate on June, at every airport"
LIMIT_CROSSED = 4
INTERRUPTED = 130

OPEN = (
    ("verdict of the gate", "reports/gate/verdict.md"),
    ("contract report", "reports/contract/*.html"),
    ("classification report", "reports/evaluate/*.html"),
    ("model card", "models/bundle/card.md"),
    ("drift and quality, a page a night", "reports/nights/**/*.html"),
)
"""What to look at -> where, in the clone."""


class Failed(Exception):
    """A step that did not end as it should; the message says how to repeat it."""


@dataclass(frozen=True)
class Step:
    """One command of the demonstration.

    ``findings`` are exit codes that are an answer, not a failure, and what they mean;
    ``says`` is text that the command must print.
    """

    title: str
    command: tuple[str, ...]
    findings: Mapping[int, str]
    says: str | None


def step(
    title: str,
    *command: str,
    findings: Mapping[int, str] | None = None,
    says: str | None = None,
) -> Step:
    return Step(title, command, findings or {}, says)


TRAIN = (
    step("Read, check, split, train three candidates, evaluate, gate", "dvc", "repro"),
    step(
        "Once more: nothing has changed, so nothing runs",
        *("dvc", "repro"),
        says="Data and pipelines are up to date.",
    ),
)
RUN = (
    step("Promote what passed the gate", "assay", "promote", "--because", WHY),
    step(
        "Score a week of nights with the promoted version",
        *("assay", "score", "--from", NIGHTS[0], "--to", NIGHTS[-1]),
    ),
    *(
        step(
            f"Compare the night of {night} with what the model was trained on",
            *("assay", "monitor", "--date", night),
            findings={LIMIT_CROSSED: "limits crossed: a finding about the night, not a failure"},
        )
        for night in NIGHTS
    ),
    step("Where things stand", "assay", "status"),
)


def main() -> int:
    """Run every step; 0 if all ended as they should."""
    start = time.monotonic()
    try:
        make_clone()
        print("\nTo repeat a step by hand:")
        print(f"    cd {shown(CLONE)}; export {exports()}")
        outcomes = play(TRAIN, first=1, total=len(TRAIN) + 1 + len(RUN))
        outcomes += [commit(number=len(TRAIN) + 1, total=len(TRAIN) + 1 + len(RUN))]
        outcomes += play(RUN, first=len(TRAIN) + 2, total=len(TRAIN) + 1 + len(RUN))
    except Failed as failure:
        print(f"\ndemo: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        return INTERRUPTED
    summary(outcomes, time.monotonic() - start)
    return 0


# ------------------------------------------------------------------------------ the clone


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
        "PYTHONPATH": str(CLONE),
        "PYTHONUNBUFFERED": "1",
        "DVC_NO_ANALYTICS": "1",
        "DO_NOT_TRACK": "1",
    }


def exports() -> str:
    return f'PATH="{TOOLS}:$PATH" PYTHONPATH="$PWD" DVC_NO_ANALYTICS=1'


# ------------------------------------------------------------------------------ the steps


@dataclass(frozen=True)
class Outcome:
    """How one step ended, for the table at the end."""

    title: str
    seconds: float
    note: str = ""


def play(steps: Sequence[Step], first: int, total: int) -> list[Outcome]:
    return [run(item, number, total) for number, item in enumerate(steps, first)]


def run(item: Step, number: int, total: int) -> Outcome:
    """Run one step, its output as it comes.

    Raises
    ------
    Failed
        It ended with a code that is no finding, or did not print what it must.
    """
    headline(item.title, number, total)
    print(f"$ {shlex.join(item.command)}", flush=True)
    start = time.monotonic()
    code, text = stream(item.command, listen=item.says is not None)
    seconds = time.monotonic() - start
    if code and code not in item.findings:
        raise Failed(
            f"step {number} ended with exit code {code} after {seconds:.0f} s. To repeat it:\n"
            f"    cd {shown(CLONE)} && {exports()} {shlex.join(item.command)}"
        )
    if item.says is not None and item.says not in text:
        raise Failed(f"step {number} was expected to print '{item.says}'")
    note = item.findings.get(code, "")
    print(f"-- {seconds:.1f} s{f'; exit code {code}, {note}' if note else ''}", flush=True)
    return Outcome(item.title, seconds, note.partition(":")[0])


def stream(command: Sequence[str], listen: bool) -> tuple[int, str]:
    """Exit code and, if we ``listen``, the output; without that the terminal is passed on."""
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
            print(line, end="", flush=True)
            heard.append(line)
    return process.returncode, "".join(heard)


def commit(number: int, total: int) -> Outcome:
    """Commit what the run left, unless it is what was committed before, to the byte."""
    title = "Commit dvc.lock, metrics and verdict: what a version is bound to"
    headline(title, number, total)
    if not git("status", "--porcelain").stdout:
        print("Nothing to commit: the run made what HEAD already names, to the byte.")
        return Outcome(title, 0.0, "as committed")
    must("add", "--all")
    command = ("git", "commit", "--message", "Train late-flights")
    print(f"$ git add --all && {shlex.join(command)}", flush=True)
    code, _ = stream(command, listen=False)
    if code:
        raise Failed(f"step {number}: git commit ended with exit code {code}")
    return Outcome(title, 0.0)


def headline(title: str, number: int, total: int) -> None:
    print(f"\n[{number}/{total}] {title}", flush=True)


# -------------------------------------------------------------------------------- the end


def summary(outcomes: Sequence[Outcome], seconds: float) -> None:
    """What ran, what was made, what to open."""
    width = max(len(outcome.title) for outcome in outcomes)
    print("\nWhat ran")
    for number, outcome in enumerate(outcomes, 1):
        took = f"{outcome.seconds:>6.1f} s"
        print(f"  {number:>2}  {outcome.title:<{width}}  {took}  {outcome.note}".rstrip())

    made = [(what, path) for what, pattern in OPEN for path in sorted(CLONE.glob(pattern))]
    made += [
        ("the store: predictions, quarantine, runs", path)
        for path in [CLONE / "store"]
        if path.is_dir()
    ]
    width = max((len(what) for what, _ in made), default=0)
    print("\nWhat was made; open it")
    last = ""
    for what, path in made:
        print(f"  {'' if what == last else what:<{width}}  {size(path):>8}  {shown(path)}")
        last = what
    tags = git("tag", "--list").stdout.split()
    print(f"  {'tags in the clone':<{width}}  {'':>8}  {', '.join(tags)}")

    minutes, rest = divmod(round(seconds), 60)
    print(f"\nAll of it took {minutes} min {rest} s.")


def size(path: Path) -> str:
    files = [path] if path.is_file() else [item for item in path.rglob("*") if item.is_file()]
    number = float(sum(item.stat().st_size for item in files))
    for unit in ("B", "KB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def shown(path: Path) -> str:
    """``path`` as seen from where the user stands, if it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


if __name__ == "__main__":
    sys.exit(main())
