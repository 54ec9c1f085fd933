"""`make faults`: fail and kill at every file-system call, and write down what came of it."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from statistics import mode

from tests.faults import shim
from tests.faults.trials import FAULTS, Trial

REPORT = Path("reports/faults/README.md")
COLUMNS = (
    "tried", "a line, before", "a line, after", "killed, before", "killed, after", "done, after",
    "violations",
)  # fmt: skip
PRELOADED = (
    "assay.score.run", "assay.score.operations.store_commands", "assay.score.spark.tasks",
    "assay.performance.labels", "assay.promotion.promote", "assay.plan.stage", "assay.plan.apply",
    "assay.ops.forget",
    "assay.columns.kernels", "assay.columns.count_kernels", "assay.compiled.scorer",
    "pandera.typing",
    "gto.api", "scmrepo.git", "dvc.repo", "sklearn.pipeline", "numba", "rich.table",
)  # fmt: skip
"""What a fork need not import again. None of them starts a thread."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print each violation and a line a deed; 1 if there is any violation."""
    parser = argparse.ArgumentParser(prog="tests.faults", description=__doc__)
    parser.add_argument(
        "--every",
        type=int,
        nargs="+",
        default=[1],
        help="only each so many-th call, for --only each",
    )
    parser.add_argument("--only", nargs="*", default=[], help="these deeds")
    parser.add_argument("--faults", nargs="*", default=list(FAULTS), choices=FAULTS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="side by side")
    parser.add_argument("--promotable", type=Path, help="a copy of this project instead")
    parser.add_argument("--report", type=Path, help=f"such as {REPORT}")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)  # how main calls itself
    chosen = parser.parse_args(argv)
    if shim.compiler() is None:
        print("faults: needs Linux and a C compiler (cc), which reaches delta-rs' own calls")
        return 1
    if chosen.into is None:
        return _all(chosen)
    if shim.CONTROL not in os.environ:
        folder = Path(tempfile.mkdtemp(dir=chosen.into.parent))
        shim.become(folder, folder / "project", ["-m", "tests.faults", *(argv or sys.argv[1:])])
    return _one(chosen)


def _all(chosen: argparse.Namespace) -> int:
    """Each deed with each fault in a process of its own, some of them side by side.

    Where none is to be beside another, all deeds are in one: it has the states that they share.
    """
    from tests import projects
    from tests.faults.trials import DEEDS

    wanted = [deed.name for deed in DEEDS if not chosen.only or deed.name in chosen.only]
    with tempfile.TemporaryDirectory(prefix="assay-faults-") as folder:
        promotable = chosen.promotable
        if promotable is None:
            promotable = Path(folder) / "made"
            projects.promoted(promotable)

        def run(unit: tuple[list[str], str]) -> list[Trial]:
            names, fault = unit
            into = Path(folder) / f"{names[0]}-{fault}.jsonl"
            every = [str(_steps(chosen)[name]) for name in names]
            command = [sys.executable, "-m", "tests.faults", "--every", *every]
            paths = ["--promotable", str(promotable), "--into", str(into)]
            subprocess.run([*command, "--only", *names, "--faults", fault, *paths], check=True)
            lines = into.read_text(encoding="utf-8").splitlines()
            made = [Trial(**json.loads(line)) for line in lines]
            for name in names:
                mine = [trial for trial in made if trial.deed == name]
                wrong = sum(bool(trial.wrong) for trial in mine)
                print(f"{name}, {fault}: {len(mine)} faults, {wrong} violations", flush=True)
            return made

        parts = [wanted] if chosen.jobs == 1 else [[name] for name in wanted]
        units = [(names, fault) for names in parts for fault in chosen.faults]
        with ThreadPoolExecutor(chosen.jobs) as pool:
            done = [trial for mine in pool.map(run, units) for trial in mine]
    if chosen.report:
        chosen.report.parent.mkdir(parents=True, exist_ok=True)
        chosen.report.write_text(page(done), encoding="utf-8")
    return 1 if any(trial.wrong for trial in done) else 0


def _steps(chosen: argparse.Namespace) -> dict[str, int]:
    """Which calls of each deed are tried: each so many-th."""
    from tests.faults.trials import DEEDS

    names = chosen.only or [deed.name for deed in DEEDS]
    every = chosen.every * len(names) if len(chosen.every) == 1 else chosen.every
    return dict(zip(names, every, strict=True))


def _one(chosen: argparse.Namespace) -> int:
    """All trials of some deeds with one fault, with the library loaded; a line of JSON each."""
    from tests.faults.trials import DEEDS, Bench, trials

    for name in PRELOADED:
        import_module(name)
    folder = Path(os.environ[shim.CONTROL]).parent
    bench = Bench(folder, chosen.promotable)
    with chosen.into.open("w", encoding="utf-8", buffering=1) as record:
        steps = _steps(chosen)
        deeds = [(deed, steps[deed.name]) for deed in DEEDS if deed.name in steps]
        for trial in trials(bench, deeds, chosen.faults):
            record.write(json.dumps(asdict(trial)) + "\n")
            if trial.wrong:
                at = f"call {trial.number} ({trial.call} {trial.path})"
                print(f"{trial.deed}, {trial.fault} at {at}: {trial.wrong}", flush=True)
    return 0


def page(trials: Sequence[Trial]) -> str:
    """The report: a table of outcomes, and one of the calls that were tried."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    calls: dict[str, Counter[str]] = defaultdict(Counter)
    for each in trials:
        found = counts[each.deed, each.fault]
        found["tried"] += 1
        found["violations"] += bool(each.wrong)
        found[f"{each.ended}, {each.seen}"] += 1
        if each.fault == "EIO":
            calls[each.deed][each.call] += 1
    steps = {}
    for deed in calls:
        tried = sorted(each.number for each in trials if (each.deed, each.fault) == (deed, "EIO"))
        steps[deed] = mode([b - a for a, b in pairwise(tried)] or [1])
    skipped = [f"{deed}: each {step}th" for deed, step in steps.items() if step > 1]
    which = f"every call ({', '.join(skipped)})" if skipped else "every call"
    lines = [
        "# Faults, one by one",
        "",
        f"Written by `make faults`: {which} by which a command changes files in its project",
        "(the store, the reports, git's folder) fails once with EIO, or it and all after it with",
        "ENOSPC, or the process is killed at it. Python, Arrow, delta-rs and git are all reached",
        "(tests/faults). After each fault readers look at the night, the tables and the tags; then",
        "the same command is run again without a fault, and has to end well.",
        "",
        "`before` and `after` are what readers saw after the fault: the old state or the new one,",
        "whole. `a line` is an error of one line; where it goes with `after`, it says that what",
        "was asked for is visible. `done` means that only what did not matter failed.",
        "",
        f"| command | fault | {' | '.join(COLUMNS)} |",
        f"|---|---|{'---|' * len(COLUMNS)}",
    ]
    for (deed, fault), found in counts.items():
        cells = " | ".join(str(found[name]) for name in COLUMNS)
        lines.append(f"| {deed} | {fault} | {cells} |")
    names = sorted({name for found in calls.values() for name in found})
    lines += ["", "Calls of each command:", "", f"| command | {' | '.join(names)} | all |",
              f"|---|{'---|' * (len(names) + 1)}"]  # fmt: skip
    for deed, found in calls.items():
        cells = " | ".join(str(found[name]) for name in names)
        lines.append(f"| {deed} | {cells} | {sum(found.values())} |")
    wrong = [trial for trial in trials if trial.wrong]
    lines += ["", f"{len(trials):,} faults, {len(wrong)} violations.", ""]
    lines += [f"- {t.deed}, {t.fault} at call {t.number} ({t.call}): {t.wrong}" for t in wrong]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.exit(main())
