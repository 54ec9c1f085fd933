"""Types of arrays that a compiled model is made of, and the exception of compiling."""

from __future__ import annotations

from itertools import takewhile
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Bools: TypeAlias = npt.NDArray[np.bool_]
Bytes: TypeAlias = npt.NDArray[np.uint8]
Shorts: TypeAlias = npt.NDArray[np.uint16]
Longs: TypeAlias = npt.NDArray[np.uint32]
Words: TypeAlias = npt.NDArray[np.uint64]
Ints: TypeAlias = npt.NDArray[np.int64]
Places: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Array: TypeAlias = npt.NDArray[Any]


class NotCompiled(Exception):
    """A model, or a part of one, that scikit-learn itself has to score. Says why."""


def public_name(thing: object) -> str:
    """Name of a thing's very class, under which scikit-learn's documentation lists it.

    ``sklearn.linear_model._logistic.LogisticRegression`` is
    ``sklearn.linear_model.LogisticRegression``. A subclass has another name.
    """
    kind = type(thing)
    parts = takewhile(lambda part: not part.startswith("_"), kind.__module__.split("."))
    return ".".join([*parts, kind.__qualname__])
