"""The model of a bundle: a fitted scikit-learn pipeline and its calibration.

It is stored as one skops file. skops names its parts after memory addresses and adds
timestamps, so the file is rewritten: the same model always gives the same bytes.
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

from assay.columns.features import CategoryColumn, Features, Floats
from assay.errors import BundleChanged, BundleIncompatible, BundleUntrusted, ScoresInvalid
from assay.model import tree_checks
from assay.project import source_code
from assay.project.tasks import Task
from assay.project.text.number_format import counted

if TYPE_CHECKING:
    import pandas as pd

ALLOWED_TYPES = frozenset(
    {
        # Types inside scikit-learn's own estimators that skops does not trust by default.
        "functools.partial",
        "numpy.dtype",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.tree._tree.Tree",
        "sklearn.utils.validation.check_array",
    }
)

FILE = "model.skops"
_SMALL = 64_000_000
_SHRUNK = 200
_LONGEST = 300
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SMALLEST = 1e-12


@dataclass(frozen=True)
class Model:
    """A fitted scikit-learn pipeline with an optional calibration of its probabilities.

    Parameters
    ----------
    estimator
        A pipeline on the feature columns; scores come from ``predict_proba`` (classifiers) or
        ``predict`` (regressions).
    calibrator
        For a binary model: maps the estimator's probability to the calibrated one. It is a
        logistic regression on the log odds (Platt 1999), an isotonic regression (Zadrozny and
        Elkan 2002) or None. For a multiclass model: a list with one of these for each class, in
        the order of the estimator's classes, or None. For a regression: None.
    numeric, categorical
        Feature columns, in the order in which the estimator was fitted.
    """

    estimator: Any
    calibrator: Any
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    task: Task = "binary"

    def scores(self, features: Features) -> Floats:
        """scikit-learn's score of each row; shapes as in `assay.columns.features.Scorer`.

        Raises
        ------
        ScoresInvalid
            The model raised an error.
        """
        frame = feature_frame(features, self.numeric, self.categorical)
        try:
            if features.rows == 0:
                classes = len(self.estimator.classes_) if self.task == "multiclass" else 0
                return np.empty((0, classes) if classes else 0)
            # A night's log is no place for NumPy's warnings: rows without a score are counted.
            with np.errstate(all="ignore"):
                raw = raw_scores(self.task, self.estimator, frame)
                return calibrate(self.task, self.calibrator, raw)
        except MemoryError:
            raise  # not the model's fault
        except Exception as error:
            raise ScoresInvalid(
                "the model raised an error instead of scoring",
                where=FILE,
                found=error_message(error),
                fix="Is it the model that was trained? Train and promote again.",
            ) from error


def raw_scores(task: Task, estimator: Any, frame: pd.DataFrame) -> Floats:
    """Uncalibrated scores of a `feature_frame`, in the shape of the task."""
    if task == "regression":
        return np.asarray(estimator.predict(frame), dtype=np.float64).reshape(len(frame))
    raw = np.asarray(estimator.predict_proba(frame), dtype=np.float64)
    if raw.ndim != 2:
        raise ValueError("predict_proba gives no column for each class: an objective of one's own?")
    return raw[:, 1] if task == "binary" else raw


def feature_frame(
    features: Features, numeric: Sequence[str], categorical: Sequence[str]
) -> pd.DataFrame:
    """Features in the form that estimators take, in training and in scoring.

    Numbers are float64 with NaN where missing, so that types do not depend on whether a batch
    has nulls. Categories are text with None where missing.
    """
    import pandas as pd

    columns: dict[str, Any] = {name: features.numbers(name) for name in numeric}
    for name in categorical:
        columns[name] = decode_categories(features.coded(name))
    return pd.DataFrame(columns, index=pd.RangeIndex(features.rows))


def decode_categories(coded: CategoryColumn) -> NDArray[Any]:
    """Categories as text, None where the value is null; object array of shape (rows,)."""
    known = np.empty(len(coded.categories) + 1, dtype=object)  # the last one is None, of code -1
    known[:-1] = coded.categories.objects
    return known[coded.codes]


def calibrate(task: Task, calibrator: Any, raw: Floats) -> Floats:
    """Calibrate ``raw`` scores, which are in the shape of the task.

    Classes of a multiclass model are calibrated one against the rest, and the results are
    normalised to sum to 1 (Zadrozny and Elkan 2002). A row whose calibrated probabilities are
    all 0 gets the same probability for each class, as in scikit-learn's
    CalibratedClassifierCV.
    """
    if task != "multiclass" or calibrator is None:
        return calibrate_class(calibrator, raw)
    each = [calibrate_class(one, raw[:, place]) for place, one in enumerate(calibrator)]
    mapped = np.column_stack(each)
    total = mapped.sum(axis=1, keepdims=True)
    alike: Floats = np.full_like(mapped, 1 / mapped.shape[1])
    np.divide(mapped, total, out=alike, where=total != 0)
    return alike


def calibrate_class(calibrator: Any, raw: Floats) -> Floats:
    """Calibrate probabilities of one class, shape (rows,); unchanged without a calibrator."""
    if calibrator is None:
        return raw
    if hasattr(calibrator, "predict_proba"):
        return np.asarray(calibrator.predict_proba(log_odds(raw))[:, 1], dtype=np.float64)
    return np.asarray(calibrator.predict(raw), dtype=np.float64)


def log_odds(raw: Floats) -> Floats:
    """Log odds of probabilities, shape (rows, 1), clipped so that 0 and 1 stay finite."""
    clipped = np.clip(raw, _SMALLEST, 1 - _SMALLEST)
    return np.log(clipped / (1 - clipped)).reshape(-1, 1)


def dumps(model: Model) -> bytes:
    """Serialise a model as a skops file; the same model always gives the same bytes."""
    import skops.io

    parts = {"estimator": model.estimator, "calibrator": model.calibrator}
    return _canonical(skops.io.dumps(parts))


def untrusted_types(data: bytes) -> list[str]:
    """Types in a skops file that neither skops nor Assay trusts by default, sorted.

    Raises
    ------
    BundleChanged
        It is not a skops file, or is a zip bomb.
    """
    import skops.io

    try:
        _refuse_bomb(data)
        return sorted(set(skops.io.get_untrusted_types(data=data)) - ALLOWED_TYPES)
    except Exception as error:
        raise _damaged(error) from None


def loads(
    data: bytes,
    *,
    task: Task,
    numeric: Sequence[str],
    categorical: Sequence[str],
    allow_types: Sequence[str],
    code: source_code.Files = source_code.NONE,
) -> Model:
    """Load a model from a skops file; only allowed types are instantiated.

    Parameters
    ----------
    code
        The project's own modules that the model's types come from.

    Raises
    ------
    BundleIncompatible
        A type is allowed, but neither ``code`` nor an installed package has its module.
    BundleUntrusted
        The file holds types that are on neither list.
    BundleChanged
        It is not a skops file, or its content is not a model.
    """
    import skops.io

    refused = [name for name in untrusted_types(data) if name not in set(allow_types)]
    if refused:
        raise BundleUntrusted(
            "the model holds types that nobody allowed",
            where=FILE,
            found=", ".join(refused),
            fix="If you trust them, name them under bundle.allow_types in params.yaml.",
        )
    _check_origin(untrusted_types(data), code)
    try:
        with source_code.import_from_files(code):
            parts = skops.io.loads(data, trusted=sorted(ALLOWED_TYPES | set(allow_types)))
        tree_checks.check_trees(parts)
        estimator, calibrator = parts["estimator"], parts["calibrator"]
    except Exception as error:  # a damaged file can make the loader raise anything
        raise _damaged(error) from None
    return Model(estimator, calibrator, tuple(numeric), tuple(categorical), task)


def error_message(error: Exception) -> str:
    """Type and message of an exception on one line, cut to a limited length."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _damaged(error: Exception) -> BundleChanged:
    return BundleChanged(
        "not a skops file of a model",
        where=FILE,
        found=error_message(error),
        fix="Restore it with dvc checkout --force, or make it again with dvc repro --force.",
    )


def _refuse_bomb(data: bytes) -> None:
    """Refuse a zip that unpacks to far more than a model's arrays could compress from."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(info.file_size for info in archive.infolist())
    if size > max(_SMALL, _SHRUNK * len(data)):
        raise ValueError(f"{counted(len(data), 'byte')} unpack to {size:,}")


def _check_origin(types: Sequence[str], code: source_code.Files) -> None:
    """Refuse a type whose module is neither the project's code nor an installed package's."""
    unknown = source_code.third_party_modules(code, types)
    lost = sorted(unknown - source_code.installed_distributions().keys()) if unknown else []
    if lost:
        named = [name for name in types if name.partition(".")[0] in lost]
        raise BundleIncompatible(
            "the model needs code that its bundle does not name and no package provides",
            where="model.skops",
            found=", ".join(named) or ", ".join(lost),
            fix="Keep the module in the project's folder, in git, and train again; or install the "
            "package that has it (not in place).",
        )


def _canonical(data: bytes) -> bytes:
    """Rewrite a skops file: parts are numbered in order of appearance, without timestamps."""
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
