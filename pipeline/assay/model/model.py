"""The model of a bundle: a fitted scikit-learn pipeline and its calibration.

It is stored as one skops file. skops names its parts after memory addresses and adds
timestamps, so the file is rewritten: the same model always gives the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from assay.compiled.fitted_model import FILE, Model, error_message
from assay.errors import BundleChanged, BundleIncompatible, BundleUntrusted
from assay.project import installed_code, source_code
from assay.project.tasks import Task
from assay.project.text import counted

ALLOWED_TYPES = frozenset(
    {
        # Types inside scikit-learn's own estimators that skops does not trust by default.
        "functools.partial",
        "numpy.dtype",
        "numpy.ravel",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.tree._tree.Tree",
        "sklearn.utils.validation.check_array",
    }
)

_BOOSTING = "sklearn.ensemble._hist_gradient_boosting"
_KNOWN_PARTS = frozenset(
    f"{node}Node {name}"
    for node, names in {
        "DType": "numpy.dtype",
        "Dict": "builtins.dict",
        "Function": "sklearn.utils.validation.check_array",
        "Json": "builtins.str",
        "List": "builtins.list",
        "Loss": "sklearn._loss._loss.CyHalfBinomialLoss",
        "NdArray": "numpy.float64 numpy.ndarray numpy.uint64",
        "Object": f"sklearn._loss.link.Interval {_BOOSTING}.binning._BinMapper "
        f"sklearn._loss.link.LogitLink {_BOOSTING}.predictor.TreePredictor "
        f"{_BOOSTING}.gradient_boosting.HistGradientBoostingClassifier "
        "sklearn._loss.loss.HalfBinomialLoss sklearn.compose._column_transformer.ColumnTransformer "
        "sklearn.dummy.DummyClassifier sklearn.impute._base.MissingIndicator "
        "sklearn.impute._base.SimpleImputer sklearn.linear_model._logistic.LogisticRegression "
        "sklearn.pipeline.Pipeline sklearn.preprocessing._data.StandardScaler "
        "sklearn.preprocessing._encoders.OneHotEncoder sklearn.preprocessing._label.LabelEncoder "
        "sklearn.preprocessing._encoders.OrdinalEncoder "
        "sklearn.preprocessing._function_transformer.FunctionTransformer",
        "Partial": "functools.partial",
        "RandomGenerator": 'numpy.random._generator.Generator"PCG64"',
        "Slice": "builtins.slice",
        "Tuple": "builtins.tuple",
        "Type": "builtins.str numpy.float64",
    }.items()
    for name in names.split()
)
"""Parts of the usual models, which skops trusts or `ALLOWED_TYPES` names. Of a file with no others
skops need not be asked: importing it takes longer than a stage."""

_SMALL = 64_000_000
_SHRUNK = 200
_EPOCH = (1980, 1, 1, 0, 0, 0)


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
    try:
        _refuse_bomb(data)
        schema = json.loads(zipfile.ZipFile(io.BytesIO(data)).read("schema.json"))
        if {_part(node) for node in _nodes(schema)} <= _KNOWN_PARTS:
            return []
        import skops.io

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
        check_trees(parts)
        estimator, calibrator = parts["estimator"], parts["calibrator"]
    except Exception as error:  # a damaged file can make the loader raise anything
        raise _damaged(error) from None
    return Model(estimator, calibrator, tuple(numeric), tuple(categorical), task)


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
    lost = sorted(unknown - installed_code.installed_distributions().keys()) if unknown else []
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


def _part(node: Mapping[str, Any]) -> str:
    """What skops asks whether it is trusted: node and type, of a generator also which one it is."""
    part = f"{node['__loader__']} {node['__module__']}.{node['__class__']}"
    if node["__loader__"] == "RandomGeneratorNode":
        part += node["content"]["bit_generator"]["content"]["bit_generator"]["content"]
    return part


def _nodes(node: Any) -> list[dict[str, Any]]:
    nodes, stack = [], [node]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if "__loader__" in item:
                nodes.append(item)
            stack.extend(reversed(item.values()))
        elif isinstance(item, list):
            stack.extend(reversed(item))
    return nodes


# ---------------- checks the structure of the decision trees of a model that was loaded from a file
# scikit-learn's compiled code walks trees without bounds checks: a child index that points back
# to its parent loops forever, one that is out of range reads foreign memory. A damaged or
# malicious file may hold either, so every tree is checked before it is used.

_TREE = ("sklearn.tree._tree", "Tree")
_PREDICTOR = ("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor")
_LEAF = -1


def check_trees(model: Any) -> None:
    """Refuse a model, or a mapping of model parts, that holds an invalid tree.

    Raises
    ------
    ValueError
        A tree has an index out of range, a cycle or another number of features.
    """
    for part, features in _trees(model):
        if _is(part, _PREDICTOR):
            _check_predictor(part, features)
        else:
            _check_tree(part, features)


def _trees(model: Any) -> Iterator[tuple[Any, int | None]]:
    """Every tree inside an object, with the number of features its owner was fitted on."""
    seen: set[int] = set()
    stack: list[tuple[Any, int | None]] = [(model, None)]
    while stack:
        item, features = stack.pop()
        if id(item) in seen or isinstance(item, str | bytes | int | float | type):
            continue
        seen.add(id(item))
        if _is(item, _TREE) or _is(item, _PREDICTOR):
            yield item, features
            continue
        own = getattr(item, "__dict__", {})
        features = own.get("n_features_in_", features)
        stack.extend((each, features) for each in _inside(item, own))


def _inside(item: Any, own: Mapping[str, Any]) -> Iterable[Any]:
    if isinstance(item, Mapping):
        return [*item.values()]
    if isinstance(item, list | tuple | set | frozenset):
        return [*item]
    if isinstance(item, np.ndarray):
        return item.ravel().tolist() if item.dtype == object else []
    return [*own.values()]


def _check_tree(tree: Any, features: int | None) -> None:
    if features is not None and tree.n_features != features:
        raise ValueError(f"a tree of {tree.n_features} features in a model of {features!r}")
    inner = tree.children_left != _LEAF
    _check_children(inner, tree.children_left, tree.children_right)
    _within("feature", tree.feature[inner], tree.n_features)


def _check_predictor(tree: Any, features: int | None) -> None:
    nodes, sets = tree.nodes, tree.raw_left_cat_bitsets
    inner = nodes["is_leaf"] == 0
    _check_children(inner, nodes["left"], nodes["right"])
    if features is not None:
        _within("feature", nodes["feature_idx"][inner], features)
    asking = inner & (nodes["is_categorical"] != 0)
    _within("set of categories", nodes["bitset_idx"][asking], len(sets))
    if sets.ndim != 2 or sets.shape[1] != 8:
        raise ValueError(f"sets of categories of shape {sets.shape}")


def _check_children(inner: Any, left: Any, right: Any) -> None:
    """Require children after their parent, as every builder stores them: so each walk ends."""
    if len(inner) == 0:
        raise ValueError("a tree without a node")
    places = np.arange(len(inner))[inner]
    for children in (left[inner].astype(np.int64), right[inner].astype(np.int64)):
        if ((children <= places) | (children >= len(inner))).any():
            raise ValueError("a node of a tree leads to none of those after it")


def _within(what: str, places: Any, size: int) -> None:
    numbers = places.astype(np.int64)
    if ((numbers < 0) | (numbers >= size)).any():
        raise ValueError(f"a node of a tree asks for a {what} that is not there")


def _is(item: Any, name: tuple[str, str]) -> bool:
    kind = type(item)
    return (kind.__module__, kind.__name__) == name
