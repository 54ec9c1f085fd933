"""CPU seconds of `dvc repro` by stage: after a changed parameter, and once more without a change.

``python -m benchmarks.repro`` works on a copy of the project that `make demo` leaves, with the code
of this tree. Each turn gives one candidate another number, so that it is trained again and all that
follows runs. CPU seconds are those of a stage's process and of all that it started.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

from assay.project import layout
from assay.project.params import yaml_text
from benchmarks.contender import ROOT
from benchmarks.measure import say
from benchmarks.start import StartFailed, copy_demonstration

TOOLS = Path(sys.executable).parent
CHANGED = ("train", "candidates", "boosting", "args", "learning_rate")
FAILED_STAGE = 255
"""What DVC ends with after the gate said no, which is an answer."""

SHIM = """#!/bin/bash
{real} "$@"
code=$?
{{ echo "$@"; times; }} >> {log}
exit $code
"""


def measured(root: Path, shims: Path) -> dict[str, float]:
    """CPU seconds of each stage that `dvc repro` runs, and under ``dvc`` those of DVC itself."""
    log = shims / "log"
    log.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(shims), str(TOOLS), os.environ.get("PATH", os.defpath)]),
        "DVC_NO_ANALYTICS": "1",
    }
    before = _children()
    done = subprocess.run(
        ["dvc", "repro"], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    whole = _children() - before
    if done.returncode not in (0, FAILED_STAGE):
        raise StartFailed(f"dvc repro ended {done.returncode}: {done.stderr[-500:]}")
    lines = log.read_text().splitlines()
    stages = {
        name: sum(map(_seconds, children.split()))
        for name, children in zip(lines[::3], lines[2::3], strict=True)
    }
    if done.returncode == FAILED_STAGE and not lines[-3].endswith("gate"):
        raise StartFailed(f"dvc repro ended at {lines[-3]}: {done.stderr[-500:]}")
    return {**stages, "dvc": whole - sum(stages.values())}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _seconds(text: str) -> float:
    """Of what bash writes, such as 0m1.250s."""
    minutes, _, seconds = text.rstrip("s").partition("m")
    return 60 * int(minutes) + float(seconds)


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repro")
    parser.add_argument("--turns", type=int, default=3, help="%(default)s")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "repro")
    wanted = parser.parse_args()
    root, shims = copy_demonstration(wanted.build), wanted.build / "shims"
    shims.mkdir()
    shim = shims / "assay"
    shim.write_text(SHIM.format(real=TOOLS / "assay", log=shims / "log"))
    shim.chmod(0o755)
    say("repro: everything once, without counting")
    measured(root, shims)
    found: dict[str, list[dict[str, float]]] = {"changed": [], "unchanged": []}
    for turn in range(wanted.turns):
        path = root / layout.PARAMS
        # Another number each time: of one that it has seen DVC keeps the results, and runs nothing.
        path.write_text(yaml_text.set_values(path.read_text(), {CHANGED: f"0.05{turn + 1}"}))
        for name, each in found.items():
            each.append(measured(root, shims))
            say(f"repro: turn {turn + 1} of {wanted.turns}: {name}", sum(each[-1].values()))
    print("| CPU seconds | after a change | without one |\n|---|--:|--:|")
    changed, unchanged = (_medians(each) for each in found.values())
    for name in [*(name for name in changed if name != "dvc"), "dvc"]:
        same = f"{unchanged[name]:.2f}" if name in unchanged else ""
        print(f"| {name} | {changed[name]:.2f} | {same} |")
    print(f"| all | {sum(changed.values()):.1f} | {sum(unchanged.values()):.1f} |")
    return 0


def _medians(turns: list[dict[str, float]]) -> dict[str, float]:
    return {name: median(turn[name] for turn in turns) for name in turns[0]}


if __name__ == "__main__":
    sys.exit(main())
