"""The model of a bundle: a fitted scikit-learn pipeline and its calibration.

It is stored as one skops file. skops names its parts after memory addresses and adds
timestamps, so the file is rewritten: the same model always gives the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

from assay.compiled.fitted_model import FILE, Model, error_message
from assay.errors import BundleChanged, BundleIncompatible, BundleUntrusted
from assay.model import tree_checks
from assay.project import source_code
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
