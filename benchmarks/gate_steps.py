"""Seconds of each step of gate.yml on the flights: ``python -m benchmarks.gate_steps FOLDER``.

The workflow runs unchanged, by act, on a clone of this repository (what is committed) with a DVC
remote in a folder, beside a champion. Twice: a pull request whose author trained and pushed, and
one that only changes params.yaml, so that the runner trains. ``make setup`` installs from pip's
cache, as it does on GitHub; nothing else is cached.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests import s3
from tests.code_host import serve
from tests.workflows.act import ROOT, Run
from tests.workflows.hub import Hub
from tests.workflows.world import World

STEP = re.compile(r"(?:✅  Success|❌  Failure) - Main (.*) \[([\d.a-zµ]+)\]$", re.MULTILINE)
PART = re.compile(r"([\d.]+)(h|ms|m|s|µs|ns)")
IN_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
BEFORE, AFTER = "l2_regularization: 1.0,", "l2_regularization: 1.0, max_features: 0.4,"
"""The change of params.yaml in both pull requests; the gate passes it."""


class Flights(World):
    """The repository on a host, its model promoted; the laptop is a clone of it."""

    def train_champion(self) -> None:
        """Train on main, promote, and push all of it."""
        subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", self.origin], check=True)
        subprocess.run(["git", "clone", "--quiet", "--no-tags", ROOT, self.laptop], check=True)
        self.call("git", "checkout", "--quiet", "-B", "main")
        self.call("git", "remote", "set-url", "origin", str(self.origin))
        self.call("dvc", "remote", "add", "--default", "shelf", str(self.folder / "shelf"))
        self.commit("Keep results on a shelf")
        self.call("dvc", "repro")
        self.commit("Train")
        self.call("dvc", "push")
        self.call("assay", "promote", "--because", "the first model")
        self.call("git", "push", "--quiet", "--tags", "origin", "main")

    def environment(self) -> dict[str, str]:
        """As for the small project; make installs the tree itself, and pip finds its cache."""
        told = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        cache = subprocess.run(
            [sys.executable, "-m", "pip", "cache", "dir"],
            capture_output=True,
            text=True,
            check=True,
        )
        return {**super().environment(), **told, "PIP_CACHE_DIR": cache.stdout.strip()}

    def change(self, name: str) -> None:
        """A branch of main with the change, not trained."""
        self.branch(name)
        params = self.laptop / "params.yaml"
        text = params.read_text(encoding="utf-8")
        assert BEFORE in text
        params.write_text(text.replace(BEFORE, AFTER), encoding="utf-8")


def main(folder: Path) -> None:
    """Print a table of both pull requests' steps."""
    with s3.serving() as endpoint, serve(Hub()) as host:
        assert isinstance(host, Hub)
        team = Flights(folder, host, endpoint)
        print("training and promoting the champion", flush=True)
        team.train_champion()
        team.change("trained")
        team.call("dvc", "repro")
        team.commit("Try fewer features")
        team.call("dvc", "push")
        print("the first pull request's gate", flush=True)
        trained = team.gate(team.open_pull("Try fewer features"), job="gate")
        team.change("untrained")
        team.commit("Try fewer features, untrained")
        print("the second pull request's gate", flush=True)
        untrained = team.gate(team.open_pull("Try fewer features, untrained"), job="gate")
    told = [seconds_of(trained), seconds_of(untrained)]
    print("| step | trained by its author, s | trained by the runner, s |\n|---|--:|--:|")
    for name in dict.fromkeys(name for each in told for name in each):
        cells = " | ".join(f"{each[name]:.1f}" if name in each else "" for each in told)
        print(f"| {name} | {cells} |")
    print(f"| all | {' | '.join(f'{sum(each.values()):.1f}' for each in told)} |")


def seconds_of(run: Run) -> dict[str, float]:
    """Step -> seconds, of the steps that took a second or more."""
    found = {
        name: sum(float(number) * IN_SECONDS[unit] for number, unit in PART.findall(took))
        for name, took in STEP.findall(run.output)
    }
    return {name: seconds for name, seconds in found.items() if seconds >= 1}


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
