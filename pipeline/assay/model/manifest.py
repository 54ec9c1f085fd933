"""The manifest of a bundle: its metadata, checked when it is parsed."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, get_args

from assay.errors import AssayError, BundleChanged, BundleIncompatible
from assay.project import installed_code
from assay.project.tasks import Task

MANIFEST = "manifest.json"
CODE = "code/"
"""Prefix of the names of the project's own code files that a bundle carries in memory."""
SCHEMA = 1
PACKAGES = ("scikit-learn", "numpy", "pandas", "skops")
RESTORE = "Restore it with dvc checkout --force, or make it again with dvc repro --force."


@dataclass(frozen=True)
class Manifest:
    """The metadata of a bundle.

    Attributes
    ----------
    estimator, args
        The class or function that made the estimator, and its arguments, as in params.yaml.
    classes
        Of a multiclass model, in the order of its scores; else empty.
    positives
        Number of positive training rows of a binary model; else None.
    out_of_fold
        Metrics of calibrated scores where each training row is scored by an estimator fitted
        on the other folds. Candidates are selected by them.
    compiled
        Whether the model was compiled, and how exactly
        (`assay.compiled.equivalence.EquivalenceResult`).
    versions
        Versions of Python and of the packages that the model's types come from.
    code
        SHA-256 of each file of the project's own code that the model needs.
    files
        SHA-256 of every other file of the bundle.
    calibration_losses
        Cross-fitted log loss with each calibration, if the calibration was chosen by it.
    chosen
        Settings that a search among the estimators chose.
    loss_noise
        For each model of a regression's errors, how far a row's loss lies from the expected
        loss (`assay.training.train.estimate_errors`).
    vocabularies
        For each categorical feature with more categories than the model is told apart: how many
        there are in training (``found``), and how many of them are told apart (``kept``).
    losses_uncompiled
        For each model of a regression's errors that is not compiled: why not.
    sensitive
        Columns whose cells people do not see.
    weight
        The column that the training rows were weighted by; empty if all count alike.
    reasons
        What contributions of features are compared with (``against``), or why there are none
        (``unknown``).
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    candidate: str
    estimator: str
    args: Mapping[str, Any]
    encoding: str
    calibration: str
    threshold: float
    seed: int
    features: tuple[str, ...]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    label: str
    keys: tuple[str, ...]
    time: str
    slices: tuple[str, ...]
    window: str
    rows: int
    positives: int | None
    data_digest: str
    contract_digest: str
    out_of_fold: Mapping[str, float | None]
    types: tuple[str, ...]
    compiled: Mapping[str, Any]
    versions: Mapping[str, str]
    code: Mapping[str, str] = field(default_factory=dict)
    schema: int = SCHEMA
    files: Mapping[str, str] = field(default_factory=dict)
    calibration_losses: Mapping[str, float] = field(default_factory=dict)
    loss_noise: Mapping[str, float] = field(default_factory=dict)
    chosen: Mapping[str, Any] = field(default_factory=dict)
    vocabularies: Mapping[str, Any] = field(default_factory=dict)
    losses_uncompiled: Mapping[str, str] = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()
    weight: str = ""
    reasons: Mapping[str, Any] = field(default_factory=dict)

    @property
    def uncompiled(self) -> tuple[str, ...]:
        """Each part that scikit-learn scores because it is not compiled, with the reason."""
        parts = {} if self.compiled["used"] else {"the model": str(self.compiled["reason"])}
        parts |= {f"the model of {name}": why for name, why in self.losses_uncompiled.items()}
        return tuple(f"{part} is not compiled: {why}" for part, why in parts.items())

    def to_json(self) -> bytes:
        return (json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n").encode()


def listed_files(files: Mapping[str, bytes], where: str, code: bool) -> dict[str, str]:
    """SHA-256 of each file that the manifest among ``files`` lists, by name.

    Parameters
    ----------
    code
        Whether to include the project's own code, under names that begin with `CODE`.

    Raises
    ------
    BundleChanged
        There is no manifest, or it cannot be read.
    """
    with parse_errors(MANIFEST, where):
        tree = json.loads(files[MANIFEST])
        listed: dict[str, str] = dict(tree["files"])
        if code:
            listed |= {CODE + path: told for path, told in tree.get("code", {}).items()}
        if not _KINDS["Mapping[str, str]"](listed):
            raise ValueError("files is no mapping from names to digests")
    return listed


def parse_manifest(data: bytes, where: str) -> Manifest:
    """Parse a manifest, and check that this version of Assay can score its model.

    Raises
    ------
    BundleChanged
        A value has another type than its key requires.
    BundleIncompatible
        It was made by another version of Assay, or with other versions of packages.
    """
    with parse_errors(MANIFEST, where):
        values: dict[str, Any] = json.loads(data)
    if values.get("schema") != SCHEMA:
        raise BundleIncompatible(
            "made by another version of Assay",
            where=where,
            expected=f"manifest schema {SCHEMA}",
            found=str(values.get("schema")),
            fix="Train and promote it again with this version.",
        )
    known = {entry.name: entry for entry in dataclasses.fields(Manifest)}
    if odd := set(values) ^ set(known):
        found = ", ".join(sorted(odd))
        raise BundleIncompatible("the manifest has other keys", where=where, found=found)
    with parse_errors(MANIFEST, where):
        for name, value in values.items():
            if not _KINDS[str(known[name].type)](value):
                raise ValueError(f"{name} is {str(value)[:60]!r}, not of type {known[name].type}")
            if isinstance(value, list):
                values[name] = tuple(value)
        manifest = Manifest(**values)
        if sorted(manifest.features) != sorted((*manifest.numeric, *manifest.categorical)):
            raise ValueError("features are not the numeric and the categorical ones")
    _check_packages(manifest, where)
    made, here = manifest.versions.get("scikit-learn", "none"), _scikit_learn()
    if here is not None and made.split(".")[:2] != here.split(".")[:2]:
        raise BundleIncompatible(
            "trained with another scikit-learn, which may score differently",
            where=where,
            expected=made,
            found=here,
            fix=f"Install scikit-learn {made}, or train and promote again.",
        )
    return manifest


def _scikit_learn() -> str | None:
    """The installed version; None if there is none, so that only a compiled model can score."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("scikit-learn")
    except PackageNotFoundError:
        return None


def _check_packages(manifest: Manifest, where: str) -> None:
    """Refuse another major version of a package that the model's types come from."""
    from importlib.metadata import PackageNotFoundError, version

    for name, made in manifest.versions.items():
        if name in ("python", *PACKAGES):
            continue
        try:
            here = version(name)
        except PackageNotFoundError:
            here = "none"
        if _major(made) != _major(here):
            raise BundleIncompatible(
                f"the model needs {name}, whose other versions may score differently",
                where=where,
                expected=made,
                found=here,
                fix=f"Install {name} {made}, or train and promote again.",
            )


def _major(version: str) -> list[str]:
    """The major version; for 0.x releases the minor version too, which may break as well."""
    parts = version.split(".")
    return parts[:2] if parts[0] == "0" else parts[:1]


def versions(modules: Iterable[str] = ()) -> dict[str, str]:
    """Versions of Python and the packages that determine a model's bytes and scores.

    Parameters
    ----------
    modules
        Further top-level third-party modules that the model needs.
    """
    from importlib.metadata import version

    more = installed_code.distribution_versions(modules)
    own = {"python": sys.version.split()[0]} | {name: version(name) for name in PACKAGES}
    return more | own


@contextmanager
def parse_errors(name: str, where: str | None = None) -> Iterator[None]:
    """Turn any exception raised while a file is parsed into `BundleChanged` for that file."""
    try:
        yield
    except AssayError:
        raise
    except Exception as error:
        from assay.compiled.fitted_model import error_message

        raise BundleChanged(
            "cannot be read",
            where=f"{where}/{name}" if where else name,
            found=error_message(error),
            fix=RESTORE,
        ) from None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_mapping(value: Any, of: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(of(each) for each in value.values())


_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "str": lambda value: isinstance(value, str),
    "Task": lambda value: value in get_args(Task),
    "int": lambda value: type(value) is int,
    "int | None": lambda value: value is None or type(value) is int,
    "float": _is_number,
    "tuple[str, ...]": lambda value: (
        isinstance(value, list) and all(isinstance(each, str) for each in value)
    ),
    "Mapping[str, Any]": lambda value: isinstance(value, dict),
    "Mapping[str, str]": lambda value: _is_mapping(value, lambda each: isinstance(each, str)),
    "Mapping[str, float]": lambda value: _is_mapping(value, _is_number),
    "Mapping[str, float | None]": lambda value: _is_mapping(
        value, lambda each: each is None or _is_number(each)
    ),
}
"""Checks the JSON value of a manifest key, by the name of the key's type."""
