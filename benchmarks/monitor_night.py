"""`assay monitor` for a night of many rows, against one of a hundredth of them.

It decides on profiles, whose size does not depend on rows, and looks at a sample whose reading is
bounded. Each run is a fresh process, from the first import to the page.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from assay.model import bundle_files
from assay.project import layout, params
from benchmarks import footprint
from benchmarks.bench import Bench, Night
from benchmarks.contender import ROOT
from benchmarks.measure import in_turns, say
from benchmarks.results import Result
from tests import projects

CANDIDATE = "boosting"
SHARE = 0.01
VERSION = "v0.0.0"
"""As which `benchmarks.assay_session` scores."""


def run(bench: Bench) -> list[Result]:
    """Seconds of whole processes that take turns."""
    root = _promoted(bench)
    many, few = bench.night(bench.rows), bench.night(int(bench.rows * SHARE))
    stores = {night.rows: _scored(bench, night) for night in (many, few)}

    def seconds(night: Night) -> float:
        script = [sys.executable, "-m", "benchmarks.monitor_once", str(root)]
        command = [*script, str(stores[night.rows]), str(night.folder), night.value]
        found = footprint.run(command, root, {**os.environ, "PYTHONPATH": str(ROOT)})
        if not json.loads(found.output)["sampled"]:
            raise AssertionError("nothing was shown of the night")
        return found.seconds

    say("monitor: once each without counting")
    seconds(few), seconds(many)
    names = [f"s at {night.rows:,} rows" for night in (many, few)]
    runs = {names[0]: lambda: seconds(many), names[1]: lambda: seconds(few)}
    found = in_turns(runs, bench.repeats, "monitor")
    return [
        bench.result(
            "assay monitor for a night, against one of a hundredth of its rows",
            found[names[0]],
            found[names[1]],
            target=1.1,
            better="lower",
            unit="s",
        )
    ]


def _promoted(bench: Bench) -> Path:
    """A project in which the candidate is a version: its tags, and its bundle as fetched."""
    root, made = bench.build / "monitored", bench.project.root / layout.CANDIDATES / CANDIDATE
    shutil.rmtree(root, ignore_errors=True)
    digest = bundle_files.verified_digest(made)
    fetched = root / layout.WORK / "bundles" / digest.removeprefix("sha256:")
    shutil.copytree(made, fetched)
    shutil.copy2(bench.project.root / layout.PARAMS, root / layout.PARAMS)
    name = params.load(root).name
    projects.call(root, "git", "init", "--quiet")
    projects.call(root, "git", "add", layout.PARAMS)
    projects.call(root, "git", "commit", "--quiet", "--message", "Start")
    trailers = f"Because: it is measured\nBundle: {digest}\nVerdict: sha256:{'0' * 64}"
    for tag in (f"{name}@{VERSION}", f"{name}#prod#1"):
        message = f"{tag}\n\n{trailers}"
        projects.call(root, "git", "tag", "--annotate", tag, "--message", message)
    return root


def _scored(bench: Bench, night: Night) -> Path:
    """A store with the night in it."""
    store = bench.output(f"store-monitored-{night.rows}")
    with bench.session("monitored", carrier="files") as session:
        session.ask(
            "full",
            name=CANDIDATE,
            folder=str(night.folder),
            night=night.value,
            output=str(store),
            carrier="files",
        )
    return store
