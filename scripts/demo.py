"""`make demo`: the whole flow on real flights, in a clone of its own under build/demo.

Trains and gates a model, promotes it, scores a week of July 2013, compares each night
with what the model was trained on and takes the labels that came later. Then three challengers
come: one that is blocked, one that cannot be told, one that is promoted. The clone has its own
tags, models and store, and no remote, so nothing that happens here can reach the repository it
was cloned from.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from challengers import CHALLENGERS, Challenger, Unexpected
from clone import CLONE, Failed, exports, git, make_clone, must, shown, stream

NIGHTS = [f"2013-07-0{day}" for day in range(1, 8)]
WHY_PAGE = "exports/why.html"
WHY = "first model: beats the base rate on June, at every airport"
KEY = ("scheduled", "flight", "carrier")
INCIDENT_OPEN = 4
INTERRUPTED = 130

OPEN = (
    ("the nights at a glance", "reports/index.html"),
    ("the gate: better, and promoted", "reports/gate/index.html"),
    ("the gate: blocked, and undecided", "reports/challengers/*/index.html"),
    ("challenger beside champion", "reports/compare/index.html"),
    ("contract report", "reports/contract/*.html"),
    ("classification report", "reports/evaluate/*.html"),
    ("model card", "models/bundle/card.md"),
    ("drift and quality, a page a night", "reports/nights/**/*.html"),
    ("why one flight got its score", "exports/why.html"),
    ("what v0.2.0 would change, before it did", "reports/plan/index.html"),
)
"""What to look at -> where, in the clone."""


@dataclass(frozen=True)
class Step:
    """One command of the demonstration.

    ``findings`` are exit codes that are an answer, not a failure, and what they mean;
    ``runs`` are the only stages that ``dvc repro`` may run.
    """

    title: str
    command: tuple[str, ...]
    findings: Mapping[int, str]
    runs: tuple[str, ...] | None


def step(
    title: str,
    *command: str,
    findings: Mapping[int, str] | None = None,
    runs: tuple[str, ...] | None = None,
) -> Step:
    return Step(title, command, findings or {}, runs)


TRAIN = (
    step("Read, check, split, train three candidates, evaluate, gate", "dvc", "repro"),
    step(
        "Once more: nothing changed, so only the looks at Assay, champion and nights run",
        *("dvc", "repro"),
        runs=("code", "champion", "nights"),
    ),
)
RUN = (
    step("Promote what passed the gate", "assay", "promote", "--because", WHY),
    step(
        "Score a week of nights with the promoted version",
        *("assay", "score", "--from", NIGHTS[0], "--to", NIGHTS[-1]),
    ),
    step(
        "Compare the nights with what the model was trained on",
        *("assay", "monitor", "--from", NIGHTS[0], "--to", NIGHTS[-1]),
        findings={INCIDENT_OPEN: "an incident is open: a finding about the nights, not a failure"},
    ),
    step(
        "The first of them as an Evidently report, too",
        *("assay", "monitor", "--date", NIGHTS[0], "--evidently"),
        findings={INCIDENT_OPEN: "the night is part of an incident: a finding, not a failure"},
    ),
    step(
        "Take the labels, which are known a day later",
        *("assay", "labels", "--from", NIGHTS[0], "--to", NIGHTS[-1]),
    ),
    step(
        "What was expected before the labels were known, and what came",
        *("assay", "performance", "--metric", "auc"),
    ),
    step("Where things stand", "assay", "status"),
)
RISKIEST, SHOWN = "The riskiest flights of the first night, each with its strongest reasons", 10
WHY_ONE = "Why the riskiest flight of the first night got its score"
AFTER = (
    step("What it would change in the week that readers see", "assay", "plan"),
    step(
        "Those who use the scores agree",
        *("assay", "approve", "--as", "operations", "--because", "we can call 200 more"),
    ),
    step(
        "Promote the better one",
        *("assay", "promote", "--because", "fewer features at each split: better on June"),
    ),
    step("Publish the week as it was planned: no row is scored again", "assay", "apply"),
    step(
        "Which flights of the first night are decided otherwise now",
        *("assay", "diff", NIGHTS[0], "--turn", "1"),
    ),
    step(
        "Compare the nights of the better one with what it was trained on",
        *("assay", "monitor", "--from", NIGHTS[0], "--to", NIGHTS[-1]),
        findings={INCIDENT_OPEN: "an incident is open: a finding about the nights, not a failure"},
    ),
    step(
        "Compare the labels with its scores",
        *("assay", "labels", "--from", NIGHTS[0], "--to", NIGHTS[-1]),
    ),
    step("Who promoted what, on what evidence", "assay", "versions"),
)
SAID_NO = {255: "the gate said no, as it should"}
"""What DVC makes of a stage that fails."""


def main() -> int:
    """Run every step; 0 if all ended as they should."""
    start = time.monotonic()
    try:
        make_clone()
        print("\nTo repeat a step by hand:")
        print(f"    cd {shown(CLONE)}; export {exports()}")
        outcomes = demonstration()
    except Failed as failure:
        print(f"\ndemo: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        return INTERRUPTED
    summary(outcomes, time.monotonic() - start)
    return 0


# ------------------------------------------------------------------------------ the steps


@dataclass(frozen=True)
class Outcome:
    """How one step ended, for the table at the end."""

    title: str
    seconds: float
    note: str = ""


def demonstration() -> list[Outcome]:
    """Every step in its order."""
    total = len(TRAIN) + 1 + len(RUN) + 2 + len(CHALLENGERS) + 1 + len(AFTER)
    outcomes = play(TRAIN, first=1, total=total)
    outcomes.append(commit("Train late-flights", len(outcomes) + 1, total))
    outcomes += play(RUN, first=len(outcomes) + 1, total=total)
    headline(RISKIEST, len(outcomes) + 1, total)
    flights = riskiest()
    for flight in flights:
        print(in_words(flight))
    outcomes.append(Outcome(RISKIEST, 0.0))
    key = (f"{name}={flights[0][name]}" for name in KEY)
    named = (word for each in key for word in ("--key", each))
    why = step(WHY_ONE, "assay", "why", *named, "--date", NIGHTS[0], "--page", WHY_PAGE)
    outcomes.append(run(why, len(outcomes) + 1, total))
    for challenger in CHALLENGERS:
        outcomes.append(challenge(challenger, len(outcomes) + 1, total))
    ask_for_approval()
    outcomes.append(commit("Train on fewer features at each split", len(outcomes) + 1, total))
    return outcomes + play(AFTER, first=len(outcomes) + 1, total=total)


def ask_for_approval() -> None:
    """Have promotion ask for an approval of its plan, by whoever runs the demonstration."""
    address = git("config", "user.email").stdout.strip()
    with (CLONE / "params.yaml").open("a", encoding="utf-8") as file:
        file.write(f'\napprovals:\n  - {{who: operations, people: ["{address}"]}}\n')


def play(steps: Sequence[Step], first: int, total: int) -> list[Outcome]:
    return [run(item, number, total) for number, item in enumerate(steps, first)]


def challenge(challenger: Challenger, number: int, total: int) -> Outcome:
    """Change the project, let the gate answer, and go back unless the challenger passed.

    Raises
    ------
    Failed
        The gate gave another answer than it must.
    """
    try:
        challenger.apply(CLONE)
        answer = step(
            challenger.title, "dvc", "repro", findings={} if challenger.passes else SAID_NO
        )
        outcome = run(answer, number, total)
        print(challenger.check(CLONE))
        print(f"\n$ assay gate explain '{challenger.rule}'", flush=True)
        stream(("assay", "gate", "explain", challenger.rule), listen=False)
    except Unexpected as error:
        raise Failed(f"step {number}: {error}") from None
    if not challenger.passes:
        keep(challenger)
        must("checkout", "--quiet", "--force", "HEAD")
        for name in challenger.files:
            (CLONE / name).unlink()
        stream(("dvc", "checkout", "--quiet"), listen=False)
    return outcome


def riskiest() -> list[dict[str, Any]]:
    """The flights of the first night that are most likely to be late, as they are published."""
    import assay

    night = assay.open_store(CLONE).predictions(NIGHTS[0])
    rows = night.to_table(columns=[*KEY, "probability", "reasons"]).to_pylist()
    return sorted(rows, key=lambda row: -row["probability"])[:SHOWN]


def in_words(flight: Mapping[str, Any]) -> str:
    """A flight, how likely it is to be late, and what speaks most for that."""
    reasons = (f"{each['reason']} ({each['value'] or 'unknown'})" for each in flight["reasons"])
    name = f"{flight['carrier']} {flight['flight']}"
    return (
        f"{name:<8}{flight['scheduled']:%H:%M}  {flight['probability']:.0%}  {', '.join(reasons)}"
    )


def keep(challenger: Challenger) -> None:
    """Put the gate's page and summary aside, to be opened after the demonstration."""
    folder = CLONE / "reports" / "challengers" / challenger.name
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("index.html", "verdict.md"):
        shutil.copy(CLONE / "reports" / "gate" / name, folder / name)


def run(item: Step, number: int, total: int) -> Outcome:
    """Run one step, its output as it comes.

    Raises
    ------
    Failed
        It ended with a code that is no finding, or ran other stages than it must.
    """
    headline(item.title, number, total)
    print(f"$ {shlex.join(item.command)}", flush=True)
    start = time.monotonic()
    code, text = stream(item.command, listen=item.runs is not None)
    seconds = time.monotonic() - start
    if code and code not in item.findings:
        raise Failed(
            f"step {number} ended with exit code {code} after {seconds:.0f} s. To repeat it:\n"
            f"    cd {shown(CLONE)} && {exports()} {shlex.join(item.command)}"
        )
    ran = tuple(re.findall(r"Running stage '([^']+)'", text))
    if item.runs is not None and ran != item.runs:
        raise Failed(f"step {number} was to run {item.runs}, and ran {ran}")
    note = item.findings.get(code, "")
    print(f"-- {seconds:.1f} s{f'; exit code {code}, {note}' if note else ''}", flush=True)
    return Outcome(item.title, seconds, note.partition(":")[0])


def commit(message: str, number: int, total: int) -> Outcome:
    """Commit what the run left, unless it is what was committed before, to the byte."""
    title = "Commit dvc.lock, metrics and verdict: what a version is bound to"
    headline(title, number, total)
    if not git("status", "--porcelain").stdout:
        print("Nothing to commit: the run made what HEAD already names, to the byte.")
        return Outcome(title, 0.0, "as committed")
    must("add", "--all")
    command = ("git", "commit", "--message", message)
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


if __name__ == "__main__":
    sys.exit(main())
