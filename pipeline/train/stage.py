"""Train one candidate of params.yaml and leave its bundle."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from pipeline import bundle, digests, layout, model
from pipeline.contract.frame import to_frame
from pipeline.contract.load import load as load_contract
from pipeline.contract.model import Contract
from pipeline.errors import BundleUntrusted, PluginError, StageInputMissing
from pipeline.metrics import metric
from pipeline.params import METRICS, Params
from pipeline.reference import Reference, reference_of
from pipeline.train.calibrate import blocks, fit_calibrator, out_of_fold
from pipeline.train.candidate import Built, build
from pipeline.train.card import card


def run(root: Path, params: Params, name: str, as_json: bool = False) -> str:
    """Fit, calibrate and write ``models/candidates/<name>``. Returns the bundle's digest.

    Raises
    ------
    PluginError
        There is no such candidate, its class cannot be used, or fitting failed.
    StageInputMissing
        ``data/prepared`` is not there.
    BundleUntrusted
        The fitted model holds types that could not be loaded again.
    """
    if name not in params.train.candidates:
        raise PluginError(
            "no such candidate",
            where="params.yaml: train.candidates",
            expected=", ".join(params.train.candidates),
            found=name,
        )
    source = root / layout.TRAIN_TABLE
    if not source.is_file():
        raise StageInputMissing(
            "there is no training table", where=layout.TRAIN_TABLE, mend="Run dvc repro prepare."
        )
    contract = load_contract(root / params.contract.file)
    frame = to_frame(contract, pq.read_table(source))
    label = frame[contract.label].to_numpy(dtype=bool)
    features = model.feature_frame(frame, contract.numeric, contract.categorical)
    days = frame[contract.time].dt.strftime("%Y-%m-%d")
    built = build(name, params.train.candidates[name], contract, params.seed, root)
    try:
        block = blocks(days.to_numpy(), params.train.folds)
        raw = out_of_fold(built.pipeline, features, label, block, _progress(name))
        fitted = built.pipeline.fit(features, label)
    except (ValueError, TypeError) as error:
        raise PluginError(
            f"fitting failed: {error}",
            where=f"params.yaml: train.candidates.{name}",
            found=params.train.candidates[name].class_path,
        ) from None
    calibrator = fit_calibrator(params.train.calibration, raw, label)
    probability = model.calibrated(calibrator, raw)
    packed = model.dumps(model.Model(fitted, calibrator, contract.numeric, contract.categorical))
    scored = features.assign(probability=probability)
    manifest = _manifest(root, params, name, contract, built, packed, label, probability)
    digest = bundle.write(
        root / layout.CANDIDATES / name,
        manifest,
        model=packed,
        reference=_reference(scored, days, contract),
        sample=_sample(scored.assign(**{contract.label: label}), params),
        card=card(manifest),
    )
    if as_json:
        print(json.dumps({"candidate": name, "bundle": digest, **manifest.out_of_fold}))
    else:
        value = manifest.out_of_fold[params.train.select_by]
        print(f"train: {name}: out-of-fold {params.train.select_by} {value}, bundle {digest[:19]}")
    return digest


def _progress(name: str) -> Any:
    def show(done: int, folds: int) -> None:
        print(f"train: {name}: fold {done} of {folds} scored", file=sys.stderr, flush=True)

    return show


def _manifest(
    root: Path,
    params: Params,
    name: str,
    contract: Contract,
    built: Built,
    packed: bytes,
    label: np.ndarray[Any, np.dtype[np.bool_]],
    probability: model.Floats,
) -> bundle.Manifest:
    foreign = model.foreign_types(packed)
    refused = [item for item in foreign if item not in params.bundle.allow_types]
    if refused:
        raise BundleUntrusted(
            "the trained model holds types that nobody allowed, so it could not be loaded again",
            where=f"params.yaml: train.candidates.{name}",
            found=", ".join(refused),
            mend="If you trust them, name them under bundle.allow_types.",
        )
    candidate = params.train.candidates[name]
    values = {item: metric(item, label, probability, params.train.threshold) for item in METRICS}
    return bundle.Manifest(
        name=params.name,
        candidate=name,
        estimator=candidate.class_path,
        args=dict(candidate.args),
        encoding=built.encoding,
        calibration=params.train.calibration,
        threshold=params.train.threshold,
        seed=params.seed,
        features=(*contract.numeric, *contract.categorical),
        numeric=contract.numeric,
        categorical=contract.categorical,
        label=contract.label,
        keys=contract.keys,
        time=contract.time,
        slices=contract.slices,
        window=str(params.prepare.train),
        rows=len(label),
        positives=int(label.sum()),
        data_digest=digests.file(root / layout.TRAIN_TABLE),
        contract_digest=digests.contract_at(root, params),
        out_of_fold={
            item: round(float(value), 9) if np.isfinite(value) else None
            for item, value in values.items()
        },
        types=tuple(foreign),
        versions=bundle.versions(),
    )


def _reference(scored: pd.DataFrame, days: pd.Series, contract: Contract) -> Reference:
    return reference_of(scored, days, contract.numeric, contract.categorical)


def _sample(scored: pd.DataFrame, params: Params) -> pd.DataFrame:
    count = min(params.bundle.reference_rows, len(scored))
    chosen = np.random.default_rng(params.seed).choice(len(scored), size=count, replace=False)
    return scored.iloc[np.sort(chosen)].reset_index(drop=True)
