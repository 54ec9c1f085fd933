"""Run in an image's environment: deletes what no run reads, and compiles the rest to byte code.

Byte code is checked by nobody at run time (``unchecked-hash``): it names no time, so two builds
give the same bytes, and a read-only root cannot change what it was compiled from.
"""

from __future__ import annotations

import compileall
import py_compile
import re
import shutil
import sys
import sysconfig
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

TRIMMED = frozenset({"llvmlite", "numba", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy"})
"""Large, and known to run without tests and without files that only compilers read."""

ONLY_COMPILERS_READ = frozenset({".a", ".h", ".hpp", ".lib", ".pxd", ".pyi", ".pyx"})

NEVER = (
    "pyspark/examples",
    "pyspark/jars/rocksdbjni-*",  # the state of streams
    "pyspark/jars/spark-connect_*",  # the server of another kind of client
    *("pyspark/jars/spark-mllib_*", "pyspark/jars/breeze_*", "pyspark/jars/spire_*"),
    "pyarrow/libarrow_flight.so*",  # a protocol between databases
    "pyarrow/_flight.*",
    "jupyterlab_plotly",  # for notebooks
)
"""Files and folders of site-packages that no command of Assay reads."""

SELDOM = re.compile(r"/site-packages/(faker|nltk|plotly)/")
"""Left as text: large, and hardly any of it is imported."""


def main() -> int:
    """Trim this Python's site-packages; 0 if everything that is left compiles."""
    site = Path(sysconfig.get_path("purelib"))
    for name in sorted(TRIMMED | {"networkx", "statsmodels"}):
        for file in files_of(name):
            path = site / file
            if path.is_file() and is_trimmed(file):
                path.unlink()
    for path in (found for pattern in NEVER for found in site.glob(pattern)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for left in sorted(site.rglob("tests"), reverse=True):
        if left.is_dir() and not any(each.is_file() for each in left.rglob("*")):
            shutil.rmtree(left)
    # One process: with several, the order in which names are met would show in the bytes.
    compileall.compile_dir(
        site,
        quiet=2,
        rx=SELDOM,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    return 0


def is_trimmed(path: PurePosixPath) -> bool:
    """Whether a file of a `TRIMMED` distribution is read by compilers or its own tests alone."""
    return path.suffix in ONLY_COMPILERS_READ or "tests" in path.parts[:-1]


def files_of(name: str) -> list[PurePosixPath]:
    """The files of a distribution below site-packages; none if it is not installed."""
    try:
        found = distribution(name).files or ()
    except ModuleNotFoundError:
        return []
    return [PurePosixPath(file) for file in found if ".." not in file.parts]


if __name__ == "__main__":
    sys.exit(main())
