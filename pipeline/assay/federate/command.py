"""``assay federate``: one site's part in learning a model over the rows of several.

Nothing but sums over all sites leaves a site, and names of categories that have enough rows there,
public keys, and the metrics at the end. docs/federate.md has what that protects and what not.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from assay.contract.columns import to_frame
from assay.contract.definition import Contract
from assay.contract.loader import load_contract
from assay.errors import AssayError, ParamsError, RoundRefused, StageInputMissing, UsageError
from assay.federate.exchange import Exchange
from assay.federate.learn import Learnt, learn
from assay.federate.masked_sums import Floats, Masks, unmask
from assay.metrics.labelled_scores import LabelledScores
from assay.project import digests, layout
from assay.project.params import Federate, Params
from assay.project.tasks import HEADLINE, Task, infer_task
from assay.training.candidates.agreed import AgreedModel, AgreedPipeline, SiteResult, fit_alone
from assay.training.train.fit import TrainingRows, training_rows

if TYPE_CHECKING:
    import pandas as pd

SAME = 1e-9
"""Coefficients that sites computed from the same sums differ by less, whatever their machines."""


def run(
    root: Path,
    params: Params,
    site: str,
    folder: str,
    session: str,
    patience: float = 600.0,
) -> AgreedModel:
    """Take part in a session; writes data/federated.json.

    Parameters
    ----------
    folder
        A folder or bucket that all sites reach.
    session
        A name that was not used there before, the same at all sites.
    patience
        Seconds until a site that sends nothing is given up.

    Raises
    ------
    ParamsError
        params.yaml does not say with whom, or asks for what cannot be learnt so.
    RoundRefused
        Another site stopped, sends nothing, or sent what cannot be.
    StageInputMissing
        There is no training table.
    UsageError
        ``session`` is no name of a folder.
    """
    if not re.fullmatch(r"[A-Za-z0-9._-]*[A-Za-z0-9]", session):
        raise UsageError(
            "no name of a session",
            where="--session",
            expected="letters, digits, dots, dashes and underscores, such as 2024-06",
            found=session,
        )
    settings = _settings(params, site)
    contract = load_contract(root / params.contract.file, params.contract.file, root=root)
    task = _task(contract, params)
    rows = _rows(root, layout.TRAIN_TABLE, contract, task)
    agreement = _agreement(root, params, settings, contract)
    place = folder.rstrip("/")
    exchange = Exchange(place, session, settings.sites, site, agreement, patience)
    exchange.begin()
    try:
        return _take_part(root, settings, contract, task, rows, exchange)
    except AssayError as error:
        exchange.stop(error.line())
        raise
    except ValueError as error:
        exchange.stop(str(error))
        raise RoundRefused(
            str(error),
            where=f"{folder}/{session}",
            fix="Nothing was learnt or written. Begin again at all sites with another --session.",
        ) from None
    except BaseException:
        exchange.stop("it was interrupted")
        raise


def _take_part(
    root: Path,
    settings: Federate,
    contract: Contract,
    task: Task,
    rows: TrainingRows,
    exchange: Exchange,
) -> AgreedModel:
    masks = Masks(exchange.me, f"{exchange.session} {exchange.agreement}")
    keys = exchange.share("hello", masks.public)
    masks.agree({site: keys[site] for site in exchange.others})

    def pool(step: str, numbers: Floats) -> Floats:
        return unmask(exchange.share(step, masks.hide(step, numbers)), len(numbers))

    target = rows.truth.astype(np.float64)
    categories = _categories(rows.features, contract, settings, exchange)
    learnt = learn(
        rows.features, target, task, contract.numeric, categories, settings.penalty, pool
    )
    learnt = _first_sites(learnt, exchange)
    made = AgreedModel(
        session=exchange.session,
        agreement=exchange.agreement,
        sites=tuple(exchange.sites),
        task="regression" if task == "regression" else "binary",
        label=contract.label,
        penalty=settings.penalty,
        numeric=contract.numeric,
        categorical=contract.categorical,
        categories=categories,
        nullable=learnt.nullable,
        fill=tuple(learnt.fill.tolist()),
        center=tuple(learnt.center.tolist()),
        scale=tuple(learnt.scale.tolist()),
        coefficients=tuple(learnt.coefficients.tolist()),
        intercept=learnt.intercept,
        rows=learnt.rows,
        rounds=learnt.rounds,
        results={},
    )
    mine = _result(root, contract, task, rows, made, settings)
    results = {
        site: _site_result(site, text)
        for site, text in exchange.share("results", json.dumps(mine.tree())).items()
    }
    made = made.model_copy(update={"results": results})
    _same_for_all(made, exchange)
    made.write(root)
    return made


def _settings(params: Params, site: str) -> Federate:
    settings = params.federate
    if settings is None or site not in settings.sites:
        found = "nothing" if settings is None else ", ".join(settings.sites)
        raise ParamsError(
            [f"{layout.PARAMS}: federate.sites: expected {site} among three or more, found {found}"]
        )
    return settings


def _task(contract: Contract, params: Params) -> Task:
    task = infer_task(contract.field(contract.label).kind, contract.label)
    if task == "multiclass" or contract.weight is not None:
        what = "a label of two values or a number" if task == "multiclass" else "no weight"
        found = (
            f"'{contract.label}', which has several" if task == "multiclass" else contract.weight
        )
        raise ParamsError(
            [f"{params.contract.file}: sites can learn together with {what}, found {found}"]
        )
    return task


def _rows(root: Path, name: str, contract: Contract, task: Task) -> TrainingRows:
    if not (root / name).is_file():
        raise StageInputMissing("prepare has not run: no such file", where=name, fix="dvc repro")
    return training_rows(contract, task, to_frame(contract, pq.read_table(root / name)))


def _agreement(root: Path, params: Params, settings: Federate, contract: Contract) -> str:
    """A digest of what all sites have to have in common."""
    shared = [
        params.name,
        settings.model_dump(mode="json"),
        digests.worktree_contract(root, params),
        (contract.label, contract.numeric, contract.categorical),
    ]
    return f"sha256:{hashlib.sha256(json.dumps(shared).encode()).hexdigest()}"


def _categories(
    features: pd.DataFrame, contract: Contract, settings: Federate, exchange: Exchange
) -> Mapping[str, tuple[str, ...]]:
    """The names of categories that some site has enough rows of, sorted."""
    mine = {}
    for name in contract.categorical:
        counts = features[name].value_counts()
        mine[name] = sorted(counts.index[counts >= settings.min_rows].astype(str))
    every = {name: set[str]() for name in contract.categorical}
    for site, text in exchange.share("categories", json.dumps(mine)).items():
        named = _parsed(site, text)
        if not isinstance(named, dict) or {*named} != {*every}:
            raise ValueError(f"{site} names categories of other features")
        for name, values in named.items():
            if not isinstance(values, list) or not all(_is_text(value) for value in values):
                raise ValueError(f"{site} names categories of '{name}' that are no list of texts")
            every[name].update(values)
    return {name: tuple(sorted(values)) for name, values in every.items()}


def _parsed(site: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{site} sent no JSON: {error}") from None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.encode(errors="replace").decode() == value


def _numbers(site: str, text: str) -> Floats:
    try:
        return np.asarray(_parsed(site, text), np.float64)
    except TypeError as error:
        raise ValueError(f"{site} sent no list of numbers: {error}") from None


def _site_result(site: str, text: str) -> SiteResult:
    tree = _parsed(site, text)
    try:
        return SiteResult.of_tree(tree)
    except ValueError as error:
        raise ValueError(f"{site} sent no result: {error}") from None


def _same_for_all(made: AgreedModel, exchange: Exchange) -> None:
    """Names and results too: a message that was edited is read by all sites but its own."""
    mine = hashlib.sha256(made.text().encode()).hexdigest()
    for site, text in exchange.share("done", mine).items():
        if text != mine:
            raise ValueError(f"{site} would write another model: a message was changed")


def _first_sites(learnt: Learnt, exchange: Exchange) -> Learnt:
    """The numbers of the first site: each machine rounds in its own way, and all write one model.

    Raises
    ------
    ValueError
        A site has other numbers than this one.
    """
    mine = np.concatenate(
        [learnt.fill, learnt.center, learnt.scale, learnt.coefficients, [learnt.intercept]]
    )
    models = exchange.share("model", json.dumps(mine.tolist()))
    for site, text in models.items():
        theirs = _numbers(site, text)
        if theirs.shape != mine.shape or not np.allclose(theirs, mine, rtol=SAME, atol=SAME):
            raise ValueError(f"{site} found another model in the same sums")
    first = _numbers(exchange.sites[0], models[exchange.sites[0]])
    ends = np.cumsum(
        [len(learnt.fill), len(learnt.center), len(learnt.scale), len(learnt.coefficients)]
    )
    fill, center, scale, coefficients, intercept = np.split(first, ends)
    return Learnt(
        learnt.nullable,
        *(fill, center, scale, coefficients),
        float(intercept[0]),
        learnt.rows,
        learnt.rounds,
    )


def _result(
    root: Path,
    contract: Contract,
    task: Task,
    rows: TrainingRows,
    made: AgreedModel,
    settings: Federate,
) -> SiteResult:
    """What a model of this site alone and the agreed one reach on its holdout."""
    holdout = _rows(root, layout.HOLDOUT_TABLE, contract, task)
    metric, count = HEADLINE[task], len(holdout.features)
    if count < settings.min_rows or len(np.unique(rows.target)) < 2:
        return SiteResult(rows=count, metric=metric, alone=None, agreed=None)
    values = []
    for fitted in (
        fit_alone(rows.features, rows.target, contract, task, made.penalty),
        AgreedPipeline(made.text()).fit(rows.features, rows.target),
    ):
        scores = (
            fitted.predict(holdout.features)
            if task == "regression"
            else fitted.predict_proba(holdout.features)[:, 1]
        )
        scored = LabelledScores(task, holdout.truth, np.asarray(scores, np.float64))
        value = scored.values()[metric]
        values.append(float(value) if np.isfinite(value) else None)
    return SiteResult(rows=count, metric=metric, alone=values[0], agreed=values[1])
