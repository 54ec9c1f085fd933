"""The model that a bundle holds: a fitted scikit-learn pipeline and its calibration.

It is stored as one skops file, rewritten so that the same model gives the same bytes:
skops names its parts after memory addresses and stamps them with the time.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import BundleChanged, BundleUntrusted

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

ALLOWED_TYPES = frozenset(
    {
        # What scikit-learn's own estimators are made of, beyond what skops trusts by itself.
        "functools.partial",
        "numpy.dtype",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.utils.validation.check_array",
    }
)

_EPOCH = (1980, 1, 1, 0, 0, 0)
_SMALLEST = 1e-12


@dataclass(frozen=True)
class Model:
    """A fitted binary classifier whose probabilities are calibrated.

    Parameters
    ----------
    estimator
        A fitted scikit-learn pipeline from feature columns to ``predict_proba``.
    calibrator
        From the estimator's probability to the calibrated one: a logistic regression on
        its log odds (Platt 1999), an isotonic regression (Zadrozny and Elkan 2002) or None.
    numeric, categorical
        Feature columns, in the order in which the estimator was fitted.
    """

    estimator: Any
    calibrator: Any
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]

    def probability(self, frame: pd.DataFrame) -> Floats:
        """Calibrated probability of the positive class, shape (rows,).

        Columns are picked by name, so their order and any others do not matter.
        """
        if len(frame) == 0:
            return np.empty(0)
        features = feature_frame(frame, self.numeric, self.categorical)
        raw = self.estimator.predict_proba(features)[:, 1]
        return calibrated(self.calibrator, np.asarray(raw, dtype=np.float64))


def feature_frame(
    frame: pd.DataFrame, numeric: Sequence[str], categorical: Sequence[str]
) -> pd.DataFrame:
    """Features in the one form in which estimators see them, in training and afterwards.

    Numbers are float64 with NaN where missing, so that a batch without a null and one with
    nulls look the same; categories are text with None where missing.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in numeric:
        column = frame[name]
        if column.dtype == object:
            column = column.astype("boolean")  # truths with gaps; numbers are never objects
        columns[name] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    for name in categorical:
        text = frame[name].to_numpy(dtype=object, copy=True)
        text[pd.isna(text)] = None
        columns[name] = text
    return pd.DataFrame(columns, index=frame.index)


def calibrated(calibrator: Any, raw: Floats) -> Floats:
    """``raw`` probabilities through ``calibrator``."""
    if calibrator is None:
        return raw
    if hasattr(calibrator, "predict_proba"):
        return np.asarray(calibrator.predict_proba(log_odds(raw))[:, 1], dtype=np.float64)
    return np.asarray(calibrator.predict(raw), dtype=np.float64)


def log_odds(raw: Floats) -> Floats:
    """Log odds of probabilities, shape (rows, 1); 0 and 1 are kept off the infinities."""
    clipped = np.clip(raw, _SMALLEST, 1 - _SMALLEST)
    return np.log(clipped / (1 - clipped)).reshape(-1, 1)


def dumps(model: Model) -> bytes:
    """The model as a skops file; the same model always gives the same bytes."""
    import skops.io

    parts = {"estimator": model.estimator, "calibrator": model.calibrator}
    return _canonical(skops.io.dumps(parts))


def foreign_types(data: bytes) -> list[str]:
    """Types in a skops file that neither skops nor Assay trusts by itself, sorted."""
    import skops.io

    return sorted(set(skops.io.get_untrusted_types(data=data)) - ALLOWED_TYPES)


def loads(
    data: bytes,
    *,
    numeric: Sequence[str],
    categorical: Sequence[str],
    allow_types: Sequence[str],
) -> Model:
    """Rebuild a model without executing anything that was not allowed beforehand.

    Raises
    ------
    BundleUntrusted
        The file holds types that are on neither list.
    BundleChanged
        It is not a skops file.
    """
    import skops.io

    try:
        refused = [name for name in foreign_types(data) if name not in set(allow_types)]
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise BundleChanged("not a skops file", where="model.skops", found=str(error)) from None
    if refused:
        raise BundleUntrusted(
            "the model holds types that nobody allowed",
            where="model.skops",
            found=", ".join(refused),
            mend="If you trust them, name them under bundle.allow_types in params.yaml.",
        )
    parts = skops.io.loads(data, trusted=sorted(ALLOWED_TYPES | set(allow_types)))
    return Model(parts["estimator"], parts["calibrator"], tuple(numeric), tuple(categorical))


def _canonical(data: bytes) -> bytes:
    """The same skops file with parts numbered in order of appearance and no times."""
    source = zipfile.ZipFile(io.BytesIO(data))
    schema = json.loads(source.read("schema.json"))
    numbers: dict[int, int] = {}
    names: dict[str, str] = {}
    for node in _nodes(schema):
        if "__id__" in node:
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers))
        if isinstance(node.get("file"), str):
            suffix = node["file"].rpartition(".")[2]
            node["file"] = names.setdefault(node["file"], f"{len(names)}.{suffix}")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for old, new in names.items():
            archive.writestr(zipfile.ZipInfo(new, _EPOCH), source.read(old), zipfile.ZIP_DEFLATED)
        archive.writestr(
            zipfile.ZipInfo("schema.json", _EPOCH), json.dumps(schema), zipfile.ZIP_DEFLATED
        )
    return target.getvalue()


def _nodes(node: Any) -> list[dict[str, Any]]:
    found, stack = [], [node]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if "__loader__" in item:
                found.append(item)
            stack.extend(reversed(item.values()))
        elif isinstance(item, list):
            stack.extend(reversed(item))
    return found
