"""The train stage: trains one candidate of params.yaml and writes its bundle."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from assay.columns.draw_grid import grid_of
from assay.columns.features import FrameFeatures
from assay.columns.grid import ColumnGrid, Grid
from assay.columns.reference import Reference, reference_of
from assay.contract.columns import to_frame
from assay.contract.load import load as load_contract
from assay.contract.model import Contract
from assay.errors import (
    BundleUntrusted,
    ContractFileError,
    ParamsError,
    PluginError,
    StageInputMissing,
)
from assay.model import bundle, compiled, model, outcome
from assay.model.manifest import Manifest, versions
from assay.project import digests, layout, sources
from assay.project.params import Params
from assay.project.tasks import Task, task_of, unfit
from assay.training.train.calibrate import blocks
from assay.training.train.candidate import Built, build
from assay.training.train.card import card
from assay.training.train.fit import Fitted, fit
from assay.training.train.importance import importance
from assay.training.train.losses import Learnt, learn_losses
from assay.training.train.slice_fields import slice_fields

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A bundle that was written; ``by`` is the metric for selecting candidates."""

    digest: str
    manifest: Manifest
    by: str

    def plain(self) -> dict[str, Any]:
        about = {"candidate": self.manifest.candidate, "bundle": self.digest}
        return {
            **about,
            "calibration": self.manifest.calibration,
            **self.manifest.out_of_fold,
        }


def run(root: Path, params: Params, name: str) -> Trained:
    """Fit, calibrate and write ``models/candidates/<name>``.

    Raises
    ------
    PluginError
        There is no such candidate, or fitting failed.
    StageInputMissing
        ``data/prepared`` does not exist.
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
    contract = load_contract(root / params.contract.file, root=root)
    task = _task(contract, params)
    candidate = params.train.candidates[name]
    built = build(name, candidate, contract, task, params.seed, root)
    frame = to_frame(contract, pq.read_table(source))
    try:
        made = fit(built.pipeline, contract, task, frame, params.train, _progress(name))
    except (ValueError, TypeError) as error:
        raise PluginError(
            f"fitting failed: {error}",
            where=f"params.yaml: train.candidates.{name}",
            found=candidate.class_path,
        ) from None
    packed = model.dumps(made.model)
    sample = _sample(made.rows, params)
    arrays, proof = _compiled(made, sample, params)
    scorer = made.model if arrays is None else compiled.Compiled.from_bytes(arrays, bundle.COMPILED)
    losses = _losses(contract, task, made, params)
    manifest = _manifest(root, params, name, contract, built, packed, made, proof, losses)
    grids = outcome.grids(task, manifest.classes, made.scored.scores, params.train.threshold)
    moved = importance(scorer, sample, contract.features, params.seed)
    digest = bundle.write(
        root / layout.CANDIDATES / name,
        manifest,
        model=packed,
        compiled=arrays,
        reference=_reference(contract, task, made, frame, grids, params, moved, losses),
        sample=sample,
        card=card(manifest),
        losses={loss: learnt.files(sample, _tolerance(params)) for loss, learnt in losses.items()},
    )
    return Trained(digest, manifest, params.train.select_by)


def _reference(
    contract: Contract,
    task: Task,
    made: Fitted,
    frame: pd.DataFrame,
    grids: Grid,
    params: Params,
    moved: Mapping[str, float],
    losses: Mapping[str, Learnt],
) -> Reference:
    fields = slice_fields(contract, frame, params.evaluate.min_slice_rows)
    # A slice field need not be a feature; the rows and their order are the same.
    more = {field.name: frame[field.name].to_numpy() for field in fields}
    truths = outcome.truths(task, made.rows[contract.label].to_numpy())
    scored = made.scored
    beside = outcome.beside(task, scored.classes, scored.scores)
    beside_grids = outcome.beside_grids(task, scored.classes, scored.scores)
    return reference_of(
        made.rows.assign(
            **{name: column for name, column in more.items() if name not in made.rows}
        ),
        made.days,
        contract.numeric,
        contract.categorical,
        grids,
        slices=fields,
        importance=moved,
        label=(outcome.truth_grid(task, scored.classes, truths), truths),
        beside={
            **{name: (beside_grids[name], values) for name, values in beside.items()},
            **{name: (_loss_grid(learnt), learnt.values) for name, learnt in losses.items()},
        },
    )


def _losses(contract: Contract, task: Task, made: Fitted, params: Params) -> dict[str, Learnt]:
    """Models of a regression's errors; empty for other tasks."""
    if task != "regression":
        return {}
    return learn_losses(
        contract,
        made.rows[[*contract.numeric, *contract.categorical]],
        made.scored.scores - made.scored.truth,
        blocks(made.days.to_numpy(), params.train.folds),
        params.seed,
    )


def _loss_grid(learnt: Learnt) -> ColumnGrid:
    return grid_of(pd.DataFrame({"loss": learnt.values}), ["loss"], [])["loss"]


def _tolerance(params: Params) -> float | None:
    return None if params.bundle.compile == "off" else params.bundle.tolerance


def _task(contract: Contract, params: Params) -> Task:
    kind = contract.field(contract.label).kind
    task = task_of(kind, contract.label)
    problem = unfit(params.train.select_by, task)
    if problem is not None:
        why = f"{contract.label!r} is declared as a {kind} in {params.contract.file}"
        raise ParamsError(
            [f"{layout.PARAMS}: train.select_by: {problem}. It is {task} because {why}"]
        )
    taken = outcome.RESERVED & {*contract.features, *contract.keys, contract.label}
    if taken:
        raise ContractFileError(
            "no key, feature or label may be called what the model's answer is called",
            where=params.contract.file,
            found=", ".join(sorted(taken)),
        )
    return task


def _progress(name: str) -> Callable[[int, int], None]:
    return lambda done, folds: _log.info("train: %s: fold %d of %d scored", name, done, folds)


def _compiled(
    made: Fitted, sample: pd.DataFrame, params: Params
) -> tuple[bytes | None, compiled.Proof]:
    if params.bundle.compile == "off":
        return None, compiled.Proof(
            used=False,
            kind="",
            rows=0,
            max_difference=None,
            tolerance=params.bundle.tolerance,
            reason="bundle.compile is off in params.yaml",
        )
    return compiled.prove(
        made.model,
        FrameFeatures(sample),
        params.bundle.tolerance,
        task=made.scored.task,
        classes=made.scored.classes,
    )


def _manifest(
    root: Path,
    params: Params,
    name: str,
    contract: Contract,
    built: Built,
    packed: bytes,
    made: Fitted,
    proof: compiled.Proof,
    losses: Mapping[str, Learnt],
) -> Manifest:
    scored, calibration = made.scored, made.calibration
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
    code = sources.needed(sources.reader(root), foreign)
    return Manifest(
        name=params.name,
        task=scored.task,
        classes=scored.classes,
        candidate=name,
        estimator=candidate.class_path,
        args=dict(candidate.args),
        encoding=built.encoding,
        calibration=calibration.method,
        calibration_losses={method: round(loss, 9) for method, loss in calibration.losses.items()},
        loss_noise={loss: round(learnt.noise, 9) for loss, learnt in losses.items()},
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
        rows=len(scored),
        positives=scored.positives,
        data_digest=digests.file(root / layout.TRAIN_TABLE),
        contract_digest=digests.contract_at(root, params),
        out_of_fold={
            item: round(value, 9) if np.isfinite(value) else None
            for item, value in scored.values().items()
        },
        types=tuple(foreign),
        compiled=asdict(proof),
        code={path: sources.digest(text) for path, text in code.items()},
        versions=versions(sources.foreign(code, foreign)),
    )


def _sample(scored: pd.DataFrame, params: Params) -> pd.DataFrame:
    count = min(params.bundle.reference_rows, len(scored))
    chosen = np.random.default_rng(params.seed).choice(len(scored), size=count, replace=False)
    return scored.iloc[np.sort(chosen)].reset_index(drop=True)
