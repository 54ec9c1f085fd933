"""The environment that mlflow runs in: its own, with the versions of Spark and models we have."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import say

MLFLOW = "3.17.2"
SHARED = ("pyspark", "scikit-learn", "pandas", "numpy")


def make(folder: Path) -> Path:
    """Make the environment unless it is there; its Python."""
    python = folder / "bin" / "python"
    wanted = [f"mlflow=={MLFLOW}", *(f"{name}=={version(name)}" for name in SHARED)]
    stamp = folder / "installed.txt"
    if stamp.exists() and stamp.read_text().split() == wanted:
        return python
    say(f"making an environment for mlflow {MLFLOW} (about 1.5 GB, once)")
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv")
    if uv is None:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    else:
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*install, *wanted], check=True)
    stamp.write_text("\n".join(wanted) + "\n")
    return python
