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

TREES = (
    ("lleaves==1.3.0", "llvmlite==0.44.0"),
    ("treelite==4.8.1", "tl2cgen==1.0.0"),
    ("scikit-learn-intelex==2026.2.0",),
    ("onnxruntime==1.31.1", "skl2onnx==1.20.0", "onnxmltools==1.16.0", "protobuf==6.33.0"),
)
"""They predict by trees that others have fitted; what goes together is in one line.

Newer llvmlite lacks what lleaves calls, and newer protobuf refuses what skl2onnx writes.
"""


def mlflow(folder: Path) -> Path:
    """The Python of mlflow's environment, made unless it is there."""
    spark = f"pyspark=={version('pyspark')}"
    return _made(folder, [f"mlflow=={MLFLOW}", spark, *shared()], "1.5 GB")


def servers(folder: Path) -> Path:
    """The Python of an environment with mlflow's server and FastAPI, made unless it is there."""
    return _made(folder, [f"mlflow=={MLFLOW}", "fastapi", "uvicorn[standard]", *shared()], "1 GB")


def nannyml(folder: Path) -> Path:
    """The Python of NannyML's environment, made unless it is there."""
    return _made(folder, [f"nannyml=={NANNYML}", *BESIDE_NANNYML], "1 GB")


def tables(folder: Path) -> Path:
    """The Python of an environment that guesses the types of columns, made unless it is there."""
    return _made(folder, TABLES, "0.2 GB")


def explainers(folder: Path) -> Path:
    """The Python of shap's and woodelf's environment, made unless it is there."""
    peers = [f"{name}=={release}" for name, release in EXPLAINERS.items()]
    return _made(folder, [*peers, *shared()], "0.8 GB")


def profiler(folder: Path) -> Path:
    """The Python of an environment with py-spy, made unless it is there."""
    return _made(folder, ["py-spy==0.4.3"], "10 MB")


def trees(folder: Path) -> Path:
    """The Python of an environment with those of `TREES` that are wheels and go with our versions.

    Made unless it is there.
    """
    return _made(folder, shared("lightgbm"), "1.5 GB", also=TREES)


def shared(*more: str) -> list[str]:
    """What a peer without Spark has to have in our versions, and more of that kind."""
    return [f"{name}=={version(name)}" for name in (*SHARED, *more) if name != "pyspark"]


def _made(
    folder: Path, wanted: Sequence[str], size: str, also: Sequence[Sequence[str]] = ()
) -> Path:
    """Make it of ``wanted``, and of each part of ``also`` that can be had without changing them."""
    python = folder / "bin" / "python"
    stamp = folder / "installed.txt"
    asked = [*wanted, *(name for part in also for name in part)]
    if stamp.exists() and stamp.read_text().split() == asked:
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
    for part in also:
        only = [*install, "--only-binary", ":all:", *part, *wanted]
        if subprocess.run(only, check=False).returncode:
            say(f"left out: {', '.join(part)}")
    stamp.write_text("\n".join(asked) + "\n")
    return python
