"""Array types of compiled models, and the exception for models that cannot be compiled."""

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
    """A model or a part of it cannot be compiled, so scikit-learn scores it. Says why."""


def public_name(thing: object) -> str:
    """The documented name of an object's class, without private modules.

    ``sklearn.linear_model._logistic.LogisticRegression`` becomes
    ``sklearn.linear_model.LogisticRegression``. A subclass has its own name.
    """
    kind = type(thing)
    parts = takewhile(lambda part: not part.startswith("_"), kind.__module__.split("."))
    return ".".join([*parts, kind.__qualname__])
