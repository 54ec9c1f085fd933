"""A public table of free text that is there without a network: docstrings of pinned packages.

Each public function or class of NumPy, SciPy, pandas and scikit-learn has one, written by many
people over twenty years: prose, code, formulas, references. Which package one comes from is a label
that its words tell, and that no single word decides.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import NamedTuple

MODULES = {
    "numpy": ("numpy", "numpy.linalg", "numpy.fft", "numpy.random", "numpy.ma"),
    "pandas": ("pandas", "pandas.Series", "pandas.DataFrame", "pandas.Index", "pandas.Timestamp"),
    "scipy": ("scipy.stats", "scipy.signal", "scipy.special", "scipy.sparse", "scipy.optimize"),
    "sklearn": ("sklearn.linear_model", "sklearn.ensemble", "sklearn.metrics", "sklearn.cluster"),
}


class Text(NamedTuple):
    """One docstring; ``source`` is its package, ``part`` the module or class that has it."""

    name: str
    source: str
    part: str
    body: str


@cache
def docstrings() -> tuple[Text, ...]:
    """Distinct docstrings of at least ten words, by name."""
    found: dict[str, Text] = {}
    for source, parts in MODULES.items():
        for part in parts:
            for name in sorted(dir(_resolve(part))):
                if name.startswith("_"):
                    continue
                body = getattr(getattr(_resolve(part), name, None), "__doc__", None)
                if isinstance(body, str) and len(body.split()) >= 10:
                    found.setdefault(body, Text(f"{part}.{name}", source, part, body))
    return tuple(sorted(found.values()))


def _resolve(path: str) -> object:
    module, _, last = path.rpartition(".")
    if last[:1].isupper():
        return getattr(importlib.import_module(module), last)
    return importlib.import_module(path)
