"""The environments that peers run in: each its own, as they want other packages than ours."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import say

MLFLOW = "3.17.2"
SHARED = ("pyspark", "scikit-learn", "pandas", "numpy")
"""What mlflow has to have in our versions: it calls the same Spark and the same models."""

NANNYML = "0.13.1"
BESIDE_NANNYML = ("statsmodels", "pandas>=2.2,<3")
"""It imports statsmodels without asking for it, and its DLE fails with pandas 3."""

TABLES = ("duckdb==2.0.0", "frictionless==5.21.0")
"""They read tables, each in its own way."""

EXPLAINERS = {"shap": "0.51.0", "woodelf-explainer": "0.4.8"}
"""They explain models that our scikit-learn has fitted."""


def mlflow(folder: Path) -> Path:
    """The Python of mlflow's environment, made unless it is there."""
    shared = [f"{name}=={version(name)}" for name in SHARED]
    return _made(folder, [f"mlflow=={MLFLOW}", *shared], "1.5 GB")


def servers(folder: Path) -> Path:
    """The Python of an environment with mlflow's server and FastAPI, made unless it is there."""
    shared = [f"{name}=={version(name)}" for name in SHARED if name != "pyspark"]
    return _made(folder, [f"mlflow=={MLFLOW}", "fastapi", "uvicorn[standard]", *shared], "1 GB")


def nannyml(folder: Path) -> Path:
    """The Python of NannyML's environment, made unless it is there."""
    return _made(folder, [f"nannyml=={NANNYML}", *BESIDE_NANNYML], "1 GB")


def tables(folder: Path) -> Path:
    """The Python of an environment that guesses the types of columns, made unless it is there."""
    return _made(folder, TABLES, "0.2 GB")


def explainers(folder: Path) -> Path:
    """The Python of shap's and woodelf's environment, made unless it is there."""
    shared = [f"{name}=={version(name)}" for name in SHARED if name != "pyspark"]
    peers = [f"{name}=={release}" for name, release in EXPLAINERS.items()]
    return _made(folder, [*peers, *shared], "0.8 GB")


def _made(folder: Path, wanted: Sequence[str], size: str) -> Path:
    python = folder / "bin" / "python"
    stamp = folder / "installed.txt"
    if stamp.exists() and stamp.read_text().split() == list(wanted):
        return python
    say(f"making an environment for {wanted[0]} (about {size}, once)")
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
