"""`assay pack`: one archive with everything a Spark worker needs except Python itself.

Spark sends it to each executor (``spark.archives``) and starts Python through its launcher. So the
machines of a cluster need only Spark and the same minor version of Python.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import RunError, UsageError
from assay.project.params import Params
from assay.score.pack import archive
from assay.score.pack.dependencies import distribution_files, distributions, imported_modules

_log = logging.getLogger(__name__)

ARCHIVE = "build/assay-pack.tar.gz"

_TRIAL = """\
import importlib, sys
from pathlib import Path
contract, *modules = sys.argv[1:]
for module in modules:
    importlib.import_module(module)
import pyarrow
from assay.contract.loader import read_contract
from assay.store import write_part
read_contract(Path(contract), "contract")
write_part(".", "night=1/trial-0.parquet", pyarrow.table({"rows": [1]}))
"""
_WORK = (
    *("assay.score.scoring_job", "assay.score.spark.files", "assay.score.spark.frame"),
    "assay.monitor.table_drift.count_rows",
    *("numba", "sklearn.pipeline", "skops.io"),
)
"""Modules that a worker imports before and during scoring."""


@dataclass(frozen=True)
class PackReport:
    """An archive that was written and tested."""

    path: str
    size: int
    python: str
    platform: str
    code: str
    distributions: dict[str, str]
    archives: str
    """The value for ``spark.archives``."""

    def plain(self) -> dict[str, Any]:
        return dict(vars(self))


def run(root: Path, params: Params, out: Path | str = ARCHIVE) -> PackReport:
    """Write the archive, test it, and only then give it its final name.

    Parameters
    ----------
    out
        The archive's path; relative to the project's root.

    Raises
    ------
    UsageError
        ``out`` has an ending that Spark does not unpack.
    RunError
        The archive cannot be written, or does not run after unpacking.
    """
    path = root / out
    if not path.name.endswith(archive.KINDS):
        raise UsageError(
            "no archive that Spark unpacks with its launcher still executable",
            where=f"--out {out}",
            expected=f"a name that ends in {', '.join(archive.KINDS)}",
        )
    code = archive.code_members(root)
    dists = distributions(root, imported_modules(root, params))
    members = code + [member for dist in dists for member in distribution_files(dist)]
    facts = archive.ArchiveFacts(
        python=archive.python_version(),
        platform=archive.platform(),
        code=archive.code_digest(code),
        distributions={dist.metadata["Name"]: dist.version for dist in dists},
    )
    total = sum(member.source.stat().st_size for member in members)
    _log.info("pack: %d packages and the project's own modules, %s", len(dists), size(total))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".assay-pack-") as scratch:
            made = Path(scratch) / path.name
            archive.write(made, facts, members, _progress(total))
            _log.info("pack: trying it in an empty environment")
            _try(made, Path(scratch) / "tried", root / params.contract.file)
            if path == root / ARCHIVE:
                # An archive of hundreds of megabytes is not to be committed by git add --all.
                (path.parent / ".gitignore").write_text("*\n", encoding="utf-8")
            made.replace(path)
    except OSError as error:
        raise RunError("the archive cannot be written", where=str(path), found=str(error)) from None
    return PackReport(
        path=str(path),
        size=path.stat().st_size,
        python=facts.python,
        platform=facts.platform,
        code=facts.code,
        distributions=dict(facts.distributions),
        archives=f"{out}#{archive.NAME}",
    )


def _try(made: Path, folder: Path, contract: Path) -> None:
    """Test the archive alone: import what a worker imports, load the contract, write a file.

    Raises
    ------
    RunError
        With the last line of the error output.
    """
    with tarfile.open(made) as tar:
        tar.extractall(folder, filter="data")
    python = Path(sys.base_prefix) / "bin"
    done = subprocess.run(
        [str(folder / archive.PYTHON), "-B", "-c", _TRIAL, str(contract.resolve()), *_WORK],
        cwd=folder,
        env={"PATH": os.pathsep.join([str(python), os.defpath]), "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise RunError(
            "what was packed does not run by itself",
            where=made.name,
            expected="the modules that a worker imports, the contract, and a written file",
            found=said[-1][:300] if said else f"exit code {done.returncode}",
            mend="Install what is missing here, import it by its name in the contract, and "
            "keep the project's own modules in git.",
        )


def _progress(total: int) -> Callable[[int], None]:
    """Logs a line at each quarter."""
    done, next_line = 0, total // 4

    def tell(written: int) -> None:
        nonlocal done, next_line
        done += written
        if total and done >= next_line:
            _log.info("pack: %s of %s", size(done), size(total))
            next_line = done + total // 4

    return tell


def size(count: int) -> str:
    """An archive's size in megabytes, as text."""
    return f"{count / 1e6:,.0f} MB"
