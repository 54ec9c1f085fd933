"""Builds a candidate of params.yaml as an unfitted scikit-learn pipeline."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.contract.definition import Contract
from assay.errors import PluginError
from assay.project.params.candidates import Candidate, maker_of
from assay.project.tasks import Task
from assay.training.candidates.agreed import agreed_pipeline
from assay.training.candidates.construct import Builder, seed_estimator
from assay.training.candidates.encoder import (
    NOTHING_COUNTED,
    NOTHING_ORDERED,
    CandidatePipeline,
    Counts,
    Encoding,
    build_encoder,
    cap_categories,
    default_reader,
)
from assay.training.candidates.nested import (
    accepts_missing,
    accepts_sparse,
    is_search,
    weight_argument,
    wrapped_estimator,
)
from assay.training.candidates.other_libraries import set_defaults, takes_texts


def resolve_encoding(estimator: Any, wanted: str, texts: bool = True) -> Encoding:
    """Resolves the encoding ``auto`` for an estimator.

    CatBoost gets texts and unchanged numbers, itself or within a search: elsewhere it could not be
    told which columns are texts. Any other estimator that accepts missing values gets ordinal
    codes, and the rest one-hot categories and imputed, scaled numbers.

    Parameters
    ----------
    texts
        Whether there are categories without an order; else CatBoost gets numbers alone.
    """
    if wanted == "onehot":
        return "onehot"
    if wanted == "ordinal":
        return "ordinal"
    if wanted == "text":
        return "text"
    if texts and takes_texts(estimator.estimator if is_search(estimator) else estimator):
        return "text"
    return "ordinal" if accepts_missing(estimator) else "onehot"


def categorical_arguments(
    estimator: Any,
    encoding: Encoding,
    numeric: Sequence[str],
    categorical: Sequence[str],
    ordered: Collection[str] = (),
) -> dict[str, Any]:
    """Arguments that tell an estimator with categorical support which columns hold codes.

    Codes of ordered categories are numbers.

    Those of scikit-learn's histogram boosting, or of XGBoost. Empty if it was told already.
    LightGBM and CatBoost are told when they are fitted
    (`assay.training.candidates.other_libraries.fit_arguments`).
    """
    settings = estimator.get_params(deep=False)
    if encoding != "ordinal":
        return {}
    coded = len([name for name in categorical if name not in ordered])
    numbers = len(numeric) + len(categorical) - coded
    if settings.get("categorical_features") == "from_dtype":
        return {"categorical_features": [False] * numbers + [True] * coded}
    exact = settings.get("tree_method") == "exact"  # which knows no categories
    if "enable_categorical" in settings and not exact and coded and not settings["feature_types"]:
        kinds = ["q"] * numbers + ["c"] * coded
        return {"enable_categorical": True, "feature_types": kinds}
    return {}


def build_pipeline(
    name: str,
    candidate: Candidate,
    contract: Contract,
    task: Task,
    seed: int,
    root: Path,
    counts: Counts = NOTHING_COUNTED,
) -> CandidatePipeline:
    """The pipeline of one candidate, with all random choices seeded.

    Parameters
    ----------
    counts
        Of the training rows, whose categories are capped.

    Raises
    ------
    PluginError
        The class is not an estimator for this task (a probabilistic classifier, or a regression),
        rejects its arguments, or takes no weights where the contract has them.
    """
    if candidate.federated:
        return agreed_pipeline(name, root, contract, task)
    key = f"train.candidates.{name}"
    builder = Builder(root, task, seed)
    estimator = builder.build(candidate.tree, key)
    made_by = f"{key}.{maker_of(candidate.tree)}"
    estimator = check_estimator_task(estimator, task, f"params.yaml: {made_by}", candidate.maker)
    if contract.weight is not None and weight_argument(estimator) is None:
        raise PluginError(
            f"takes no weights, and the contract gives '{contract.weight}' the role weight",
            where=f"params.yaml: {made_by}",
            expected="an estimator whose fit has the argument sample_weight",
            found=candidate.maker,
            fix=f"Take another estimator, or '{contract.weight}' out of {contract.file}",
        )
    texts = {}
    if contract.texts:
        _check_takes_text(estimator, candidate, contract, f"params.yaml: {key}")
        readers = _readers(builder, candidate, key)
        texts = dict.fromkeys(contract.texts, readers)
    return encoded_pipeline(
        *(estimator, candidate.encoding, contract.numeric, contract.categorical, seed, counts),
        *(contract.ordered, texts),
    )


def _readers(builder: Builder, candidate: Candidate, key: str) -> list[Any]:
    """The unfitted vectorizers of a candidate."""
    made = []
    for place, tree in enumerate(candidate.text):
        reader = builder.build(tree, f"{key}.text[{place}]")
        if not _takes_texts(reader):
            raise PluginError(
                "reads no text",
                where=f"params.yaml: {key}.text[{place}]",
                expected="a vectorizer of sklearn.feature_extraction.text, or one like it",
                found=str(tree[maker_of(tree)]),
            )
        words = reader.get_params(deep=False).get("stop_words")
        if isinstance(words, tuple):  # as lists come from params.yaml
            reader.set_params(stop_words=[*words])
        made.append(reader)
    return made or [default_reader()]


def _takes_texts(reader: Any) -> bool:
    # scikit-learn's other transformers fail at the first text, and their error quotes it.
    of_sklearn = type(reader).__module__.startswith("sklearn.")
    wanted = ["transform", "get_params", *(["build_analyzer"] if of_sklearn else [])]
    return all(hasattr(reader, name) for name in wanted)


def _check_takes_text(estimator: Any, candidate: Candidate, contract: Contract, key: str) -> None:
    """Refuse what would need all the columns of a text at once, or none of them."""
    where, stated = "", ""
    if candidate.encoding not in ("auto", "onehot"):
        where, stated = f"{key}.encoding", candidate.encoding
    elif not accepts_sparse(estimator):
        where, stated = f"{key}.{maker_of(candidate.tree)}", candidate.maker
    if stated:
        raise PluginError(
            f"the contract gives '{contract.texts[0]}' the role text, whose thousands of columns "
            "are a sparse matrix",
            where=where,
            expected="encoding auto or onehot, and an estimator that takes a sparse matrix, such "
            "as sklearn.linear_model.LogisticRegression",
            found=stated,
            fix=f"Take another estimator, or the role text away in {contract.file}",
        )


def encoded_pipeline(
    estimator: Any,
    encoding: str,
    numeric: Sequence[str],
    categorical: Sequence[str],
    seed: int,
    counts: Counts = NOTHING_COUNTED,
    ordered: Mapping[str, Sequence[str]] = NOTHING_ORDERED,
    texts: Mapping[str, Sequence[Any]] = NOTHING_ORDERED,
) -> CandidatePipeline:
    """An unfitted estimator, which is seeded, behind the encoder of its features.

    Parameters
    ----------
    encoding
        ``auto``, ``onehot``, ``ordinal`` or ``text``.
    ordered, texts
        As for `build_encoder`. With texts, ``auto`` is ``onehot``: all columns go into one sparse
        matrix.
    """
    from sklearn.pipeline import make_pipeline

    seed_estimator(estimator, seed)
    set_defaults(estimator, seed)
    encoding = "onehot" if texts and encoding == "auto" else encoding
    resolved = resolve_encoding(estimator, encoding, texts=bool({*categorical} - {*ordered}))
    inner = estimator
    while inner is not None:
        arguments = categorical_arguments(inner, resolved, numeric, categorical, ordered)
        inner.set_params(**arguments)
        inner = wrapped_estimator(inner)
    free = {*texts, *(ordered if resolved != "onehot" else ())}  # numbers need no cap
    counts = {name: rows for name, rows in counts.items() if name not in free}
    capped = cap_categories(counts, resolved, estimator)
    sparse = accepts_sparse(estimator)
    features = build_encoder(resolved, numeric, categorical, capped, sparse, ordered, texts)
    return CandidatePipeline(make_pipeline(features, estimator), resolved, capped, sparse)


def check_estimator_task(estimator: Any, task: Task, where: str, maker: str) -> Any:
    """An unfitted copy of an estimator that fits the task.

    Parameters
    ----------
    where, maker
        The place that names what made the estimator, and that name, for errors.

    Raises
    ------
    PluginError
        It is no estimator, cannot be copied, or is of another task.
    """
    copied = _cloned(estimator, task, where, maker)
    _check_task(copied, task, where, maker)
    return copied


def _cloned(estimator: Any, task: Task, where: str, maker: str) -> Any:
    from sklearn.base import clone

    if isinstance(estimator, type) or not (
        hasattr(estimator, "fit") and hasattr(estimator, "get_params")
    ):
        raise PluginError(
            "not an estimator",
            where=where,
            found=maker,
            expected="a scikit-learn "
            + ("regression" if task == "regression" else "classifier")
            + ", or a function that returns one",
        )
    try:
        return clone(estimator)
    except Exception as error:
        raise PluginError(
            f"scikit-learn cannot clone it: {error}",
            where=where,
            expected="an __init__ that sets its parameters as attributes, and nothing else",
            found=maker,
        ) from None


def _check_task(estimator: Any, task: Task, where: str, maker: str) -> None:
    from sklearn.base import is_classifier

    if is_search(estimator) and estimator.refit is False:
        raise PluginError(
            "a search that keeps no estimator",
            where=f"{where.rpartition('.')[0]}.args.refit",
            expected="true, or left out",
            found="false",
        )
    if task != "regression" and not _offers(estimator, "predict_proba"):
        raise PluginError(
            "has no predict_proba, so its scores cannot be calibrated",
            where=where,
            expected=f"a classifier that gives probabilities: the label makes this {task}",
            found=maker,
        )
    if task == "regression" and (is_classifier(estimator) or not _offers(estimator, "predict")):
        raise PluginError(
            "a class for classes, where the label is a number",
            where=where,
            expected="a regression, with predict",
            found=maker,
            fix="If the numbers are classes, make the label a bool or str in the contract.",
        )


def _offers(estimator: Any, method: str) -> bool:
    # A stack without a final estimator gets its default, and with it the method, when it is fitted.
    waits = getattr(estimator, "final_estimator", estimator) is None
    return hasattr(estimator, method) or (waits and hasattr(type(estimator), method))
