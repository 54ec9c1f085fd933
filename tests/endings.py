"""How commands end: each is run again and again, and none may end by a signal.

A thread of a library that outlives the command's own work can abort the process while the
interpreter ends, one run in ten or one in a thousand. ``make endings`` runs every command that
reads the store 200 times. Each run is a fork of a process that has imported everything already,
so that it costs its own work alone, and ends as an interpreter does, with all its threads.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from pipeline import cli
from tests import projects

NIGHT = "2024-03-01"
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "labels": ("labels", "--date", NIGHT, "--rows", "truths.csv"),
    "performance": ("performance", "--metric", "auc"),
    "monitor": ("monitor", "--date", NIGHT),
    "status": ("status",),
    "front": ("front",),
    "explain-night": ("explain-night", "--date", NIGHT),
    "quarantine show": ("quarantine", "show", "--date", NIGHT),
    "export": ("export", "--date", NIGHT, "--to", "csv:night.csv"),
    "retract": ("retract", "nobody", "--because", "why"),
    "vacuum": ("vacuum", "--dry-run"),
    "fsck": ("fsck",),
}
MODULES = (
    "pipeline.monitor.labels",
    "pipeline.monitor.stage",
    "pipeline.monitor.front.command",
    "pipeline.monitor.status",
    "pipeline.score.quarantine",
    "pipeline.score.export",
    "pipeline.score.vacuum",
    "pipeline.score.fsck",
    "pipeline.store.release",
    "pyarrow.dataset",
    "deltalake",
    "rich.table",
)


def ready(root: Path) -> None:
    """Score two nights of a promoted project, and write down their truths."""
    import pyarrow.compute as pc
    import pyarrow.csv as pcsv
    import pyarrow.parquet as pq

    projects.call(root, "assay", "score", "--from", NIGHT, "--to", "2024-03-02")
    file = next((root / f"data/raw/day={NIGHT}").glob("*.parquet"))
    rows = pq.read_table(file, columns=["parcel", "late"], partitioning=None)
    pcsv.write_csv(rows.filter(pc.is_valid(rows["late"])), root / "truths.csv")


def endings(root: Path, argv: Sequence[str], runs: int) -> Counter[int]:
    """How often the command ended with which code; a signal's is negative."""
    for name in MODULES:
        import_module(name)
    store, kept = root / "store", root.with_name("store-before")
    if not kept.exists():
        shutil.copytree(store, kept)
    codes: Counter[int] = Counter()
    for _ in range(runs):
        shutil.rmtree(store)
        shutil.copytree(kept, store)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            # From here on as `assay` does it: what is asked about is how sys.exit goes.
            os.chdir(root)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            sys.exit(cli.main(argv))
        codes[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])] += 1
    return codes


def main(argv: Sequence[str] | None = None) -> int:
    """`make endings`: a line for each command; 1 if any run ended by a signal."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--only", nargs="*", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--root", type=Path, help="a project that is promoted and scored")
    chosen = parser.parse_args(argv)
    bad = 0
    # No context manager: a child ends through this frame, and must not tidy up.
    folder = Path(tempfile.mkdtemp(prefix="assay-endings-"))
    root = folder / "parcels"
    if chosen.root is None:
        projects.promoted(root)
        ready(root)
    else:
        shutil.copytree(chosen.root, root, symlinks=True)
    for name in chosen.only:
        codes = endings(root, COMMANDS[name], chosen.runs)
        signals = sum(count for code, count in codes.items() if code < 0)
        bad += signals
        told = ", ".join(f"{count} with {code}" for code, count in sorted(codes.items()))
        print(f"{name:18} {chosen.runs} runs: {told}; {signals} by a signal", flush=True)
    shutil.rmtree(folder)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
