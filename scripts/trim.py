"""Run in an image's environment: deletes what no run reads, and compiles the rest to byte code.

Byte code is checked by nobody at run time (``unchecked-hash``): it names no time, so two builds
give the same bytes, and a read-only root cannot change what it was compiled from.
"""

from __future__ import annotations

import compileall
import py_compile
import shutil
import sys
import sysconfig
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

from assay.score.pack.dependencies import TRIMMED, is_trimmed

NEVER = ("pyspark/examples", "pyspark/python/test_support", "pyspark/tests")
"""Folders of site-packages that are read by nothing but their authors' own tests."""


def main() -> int:
    """Trim this Python's site-packages; 0 if everything that is left compiles."""
    site = Path(sysconfig.get_path("purelib"))
    for name in sorted(TRIMMED):
        for file in files_of(name):
            path = site / file
            if path.is_file() and is_trimmed(file):
                path.unlink()
    for folder in NEVER:
        shutil.rmtree(site / folder, ignore_errors=True)
    for left in sorted(site.rglob("tests"), reverse=True):
        if left.is_dir() and not any(each.is_file() for each in left.rglob("*")):
            shutil.rmtree(left)
    # One process: with several, the order in which names are met would show in the bytes.
    compileall.compile_dir(
        site,
        quiet=2,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    return 0


def files_of(name: str) -> list[PurePosixPath]:
    """The files of a distribution below site-packages; none if it is not installed."""
    try:
        found = distribution(name).files or ()
    except ModuleNotFoundError:
        return []
    return [PurePosixPath(file) for file in found if ".." not in file.parts]


if __name__ == "__main__":
    sys.exit(main())
