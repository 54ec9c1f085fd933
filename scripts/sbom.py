"""Write what a release brings, as CycloneDX: the pinned run-time packages with their hashes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "assay.cdx.json"


def main(folder: Path) -> Path:
    """Write it into ``folder``; the same pins give the same bytes."""
    target = folder / NAME
    # Pins are a flat list, so which package needs which is not known, and not claimed.
    command = [sys.executable, "-W", "ignore::UserWarning:cyclonedx.model.bom"]
    command += ["-m", "cyclonedx_py", "requirements", "requirements/run.txt"]
    command += ["--pyproject", "pyproject.toml", "--mc-type", "library", "--spec-version", "1.6"]
    command += ["--output-reproducible", "--output-file", str(target.resolve())]
    subprocess.run(command, cwd=ROOT, check=True)
    return target


if __name__ == "__main__":
    main(Path(sys.argv[1]))
