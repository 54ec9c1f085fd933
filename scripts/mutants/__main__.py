"""`make mutants`: change the code in small ways, and see whether a test notices.

All mutants of what decides in the gate. ``ARGS=pipeline/assay/gate/stage.py`` tries those of some
modules, and leaves what reports/mutants says of the others. ``N=200`` tries that many, drawn with a
seed, and reports in build/mutants; ``ROOM=store N=60`` draws them from the modules of a room. Ends
with exit code 1 if under 95 % are noticed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.mutants import report, targets
from scripts.mutants.make import Mutant, mutants
from scripts.mutants.report import Tried

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build/mutants"
SEED = 4
WANTED = 0.95
SHARE = 120
"""Mutants that one process tries before the next one has a turn."""


def main() -> int:
    given = _arguments()
    known = targets.room_modules(ROOT, given.room) if given.room else targets.modules(ROOT)
    if not known:
        print(f"no module of '{given.room}' has tests that import it", file=sys.stderr)
        return 2
    unknown = [name for name in given.modules if name not in known]
    if unknown:
        print(f"not mutated: {', '.join(unknown)}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    chosen = [name for name in known if not given.modules or name in given.modules]
    sources = {name: (ROOT / name).read_bytes() for name in known}
    work = _work({name: mutants(name, sources[name]) for name in chosen}, given)
    with ThreadPoolExecutor(given.jobs) as pool:
        tried = [each for some in pool.map(_share, work) for each in some]
    found = [
        report.module(name, sources[name], (each for each in tried if each.mutant.file == name))
        for name in dict.fromkeys(name for name, _ in work)
    ]
    drawn = given.sample or given.room
    folder = WORK if drawn else ROOT / "reports/mutants"
    old = [] if drawn else report.read(folder)
    modules = report.merged(old, found, known)
    share = report.write(folder, modules, ROOT / "scripts/mutants/survivors.toml", sources)
    print((folder / "README.md").read_text(encoding="utf-8"))
    return 0 if share >= WANTED else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.mutants")
    parser.add_argument("modules", nargs="*", help="such as pipeline/assay/gate/rules/limit.py")
    parser.add_argument("--room", help="a folder of pipeline/assay in place of the gate's modules")
    parser.add_argument("--sample", type=int, default=0, help="how many mutants, drawn by chance")
    parser.add_argument("--seed", type=int, default=SEED, help="another draws others")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def _work(
    found: dict[str, tuple[Mutant, ...]], given: argparse.Namespace
) -> list[tuple[str, list[tuple[int, Mutant]]]]:
    """Shares of a module's mutants, each for one process."""
    everything = [(name, number) for name, some in found.items() for number in range(len(some))]
    if given.sample and given.sample < len(everything):
        everything = sorted(random.Random(given.seed).sample(everything, given.sample))
    shares = []
    for name, some in found.items():
        numbers = [number for module, number in everything if module == name]
        for start in range(0, len(numbers), SHARE):
            shares.append((name, [(n, some[n]) for n in numbers[start : start + SHARE]]))
    return shares


def _share(work: tuple[str, list[tuple[int, Mutant]]]) -> list[Tried]:
    # Outside of the repository, and each share its own: runs would clear away each other's.
    with tempfile.TemporaryDirectory(prefix="assay-mutants-") as scratch:
        return _tried(*work, scratch)


def _tried(name: str, wanted: list[tuple[int, Mutant]], scratch: str) -> list[Tried]:
    place = WORK / f"{name.replace('/', '.')}-{wanted[0][0]}-{os.getpid()}"
    _copy(place)
    known = dict(wanted)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")},
        # The package before the one that is installed, and what the tests call by `tests.`.
        "PYTHONPATH": os.pathsep.join([str(place / "pipeline"), str(place)]),
        "PYTHONHASHSEED": "0",
        # Two mutants of one second and one size would pass for the same by their byte code.
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": scratch,
        # Only what the tests themselves name: plugins of other packages cost time.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_PLUGINS": "assay.gate.pytest_run.plugin",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    nursery = subprocess.Popen(
        [sys.executable, "-m", "scripts.mutants.nursery", name],
        cwd=place,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert nursery.stdin is not None and nursery.stdout is not None
    nursery.stdin.write(json.dumps([number for number, _ in wanted]))
    nursery.stdin.close()
    tried = []
    for line in nursery.stdout:
        told = json.loads(line)
        mutant = known[told["number"]]
        tried.append(Tried(mutant, told["outcome"], told["seconds"]))
        if told["outcome"] == "survived":
            _say(f"  {name}:{mutant.line} {mutant.where}: {mutant.change}")
    if nursery.wait() or len(tried) != len(wanted):
        raise SystemExit(f"{name}: {len(tried)} of {len(wanted)} mutants were tried")
    shutil.rmtree(place)
    lived = sum(each.outcome == "survived" for each in tried)
    took = sum(each.seconds for each in tried) / len(tried)
    _say(f"{name}: {len(tried)} mutants, {lived} survived, {took:.1f} s each")
    return tried


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _copy(place: Path) -> None:
    """The files that git knows."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)


if __name__ == "__main__":
    sys.exit(main())
