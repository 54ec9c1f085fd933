"""A trained model as skops stores it, if all of its types may be loaded again."""

from __future__ import annotations

from collections.abc import Sequence

from assay.compiled import fitted_model
from assay.errors import BundleUntrusted, PluginError
from assay.model import model


def store_model(
    name: str, fitted: fitted_model.Model, allowed: Sequence[str]
) -> tuple[bytes, list[str]]:
    """The bytes, and the types in them that skops does not know by itself; sorted.

    Parameters
    ----------
    name
        Of the candidate.
    allowed
        ``bundle.allow_types``.

    Raises
    ------
    PluginError
        skops cannot store what was fitted, or could not find its parts again.
    BundleUntrusted
        It holds types that are not allowed; with the line for params.yaml that would allow them.
    """
    try:
        packed = model.dumps(fitted)
    except Exception as error:  # runs the project's own code, which may raise anything
        raise _not_stored(name, fitted_model.error_message(error)) from None
    types = model.untrusted_types(packed)
    nameless = [each for each in types if "<" in each]
    if nameless:
        raise _not_stored(name, ", ".join(nameless))
    refused = sorted(set(types) - set(allowed))
    if refused:
        raise BundleUntrusted(
            "the model holds types that nobody allowed, so it could not be loaded again",
            where=f"params.yaml: train.candidates.{name}",
            found=", ".join(refused),
            fix="If you trust them, write: bundle.allow_types: "
            f"[{', '.join([*allowed, *refused])}]",
        )
    return packed, types


def _not_stored(name: str, found: str) -> PluginError:
    return PluginError(
        "no bundle could store what was fitted",
        where=f"params.yaml: train.candidates.{name}",
        expected="classes and functions at the top level of modules, no lambdas or open files",
        found=found,
    )
