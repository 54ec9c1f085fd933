"""The train stage: trains one candidate of params.yaml and writes its bundle."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from assay import compiled
from assay.columns.features import FrameFeatures
from assay.compiled import fitted_model
from assay.contract.columns import to_frame
from assay.contract.definition import Contract
from assay.contract.loader import load_contract
from assay.errors import (
    AssayError,
    BundleUntrusted,
    ContractFileError,
    MemoryShort,
    ParamsError,
    PluginError,
    StageInputMissing,
)
from assay.errors.machine import from_memory_error
from assay.model import bundle, model, prediction
from assay.model.manifest import Manifest, versions
from assay.project import digests, layout, source_code
from assay.project.params import Params
from assay.project.tasks import Task, inapplicable_reason, infer_task
from assay.training.candidates.encoder import CandidatePipeline, count_categories
from assay.training.candidates.pipeline import build_pipeline
from assay.training.tables.prepare import read_night_rows
from assay.training.train.estimate_errors import LossModel
from assay.training.train.fit import (
    LARGEST_FLOAT32,
    FittedModel,
    TrainingRows,
    find_immense,
    find_valueless,
    fit,
    training_rows,
)
from assay.training.train.model_card import UNLEARNT, render_card
from assay.training.train.reference import (
    make_loss_models,
    make_reference,
    permutation_importance,
)
from assay.training.train.reference_reasons import OutOfFoldReasons, explain
from assay.training.train.workplace import apart_from_rows, read_clocks, use_free_cores

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainSummary:
    """A bundle that was written.

    Attributes
    ----------
    by
        The metric for selecting candidates.
    stored, scoring
        Bytes of the model's files, and of the one that scores.
    """

    digest: str
    manifest: Manifest
    by: str
    stored: int
    scoring: int

    def document(self) -> dict[str, Any]:
        about = {"candidate": self.manifest.candidate, "bundle": self.digest}
        return {
            **about,
            "calibration": self.manifest.calibration,
            **self.manifest.out_of_fold,
        }


def run(root: Path, params: Params, name: str) -> TrainSummary:
    """Fit, calibrate and write ``models/candidates/<name>``.

    Raises
    ------
    PluginError
        There is no such candidate, or fitting failed.
    BundleUntrusted
        The model holds types that are not allowed.
    StageInputMissing
        ``data/prepared`` does not exist.
    MemoryShort
        Memory ran out.
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
            "there is no training table", where=layout.TRAIN_TABLE, fix="Run dvc repro prepare."
        )
    try:
        with apart_from_rows(root, params.store) as workplace, ExitStack() as limits:
            return _train(root, params, name, source, workplace, limits)
    except MemoryError as error:
        raise MemoryShort(
            "memory ran out in training, so no bundle was written",
            where=f"params.yaml: train.candidates.{name}",
            found=" ".join(str(error).split()) or None,
            fix="Use a shorter prepare.train window or fewer features, or give it more memory.",
        ) from None


def _train(
    root: Path, params: Params, name: str, source: Path, workplace: Path, limits: ExitStack
) -> TrainSummary:
    clocks = read_clocks()
    contract = load_contract(root / params.contract.file, params.contract.file, root=root)
    task = _task(contract, params)
    candidate = params.train.candidates[name]
    rows, slices, nights = _read(source, contract, task, params.ingest.partition_by)
    categories = [name for name in contract.categorical if name not in contract.texts]
    counts = count_categories(rows.features, categories)
    built = build_pipeline(name, candidate, contract, task, params.seed, workplace, counts)
    moved = OutOfFoldReasons(
        contract, task, rows.classes, nights.to_numpy(), params.seed, params.bundle.reasons
    )
    look = limits.enter_context(use_free_cores(clocks))
    try:
        made = fit(built.pipeline, contract, rows, params.train, _progress(name, look), moved.add)
    except (AssayError, MemoryError):
        raise
    except Exception as error:  # an estimator may raise anything
        if from_memory_error(error) is not None:
            raise MemoryError(str(error)) from None
        raise _fit_failed(error, params, name, rows, contract) from None
    if not made.learns:
        _log.warning("train: %s: %s", name, UNLEARNT)
    packed, foreign = store_model(name, made.model, params.bundle.allow_types)
    sample = _sample(made.rows, params)
    arrays, proof = _compiled(
        params,
        lambda tolerance: compiled.compile_and_compare(
            made.model,
            FrameFeatures(sample),
            tolerance,
            task=made.scored.task,
            classes=made.scored.classes,
        ),
    )
    scorer = (
        made.model if arrays is None else compiled.CompiledModel.from_bytes(arrays, bundle.COMPILED)
    )
    losses = make_loss_models(contract, task, made, params)
    loss_arrays = {
        loss: _compiled(params, partial(learnt.compiled, sample)) for loss, learnt in losses.items()
    }
    unlike = {loss: proof.reason for loss, (_, proof) in loss_arrays.items() if not proof.used}
    explained, reasons = explain(made.model, scorer, proof, sample, params)
    manifest = _manifest(
        root, params, name, contract, built, foreign, made, proof, losses, unlike, reasons
    )
    grids = prediction.score_grids(
        task, manifest.classes, made.scored.scores, params.train.threshold
    )
    importance = permutation_importance(scorer, sample, contract.features, params.seed)
    reference = make_reference(
        *(contract, task, made, nights, slices, grids, params, importance, losses, moved.found()),
        read_night_rows(source),
    )
    digest = bundle.write(
        root / layout.CANDIDATES / name,
        manifest,
        model=packed,
        compiled=arrays,
        reasons=explained,
        reference=reference,
        sample=sample,
        card=render_card(manifest),
        losses={
            loss: (model.dumps(learnt.model), loss_arrays[loss][0])
            for loss, learnt in losses.items()
        },
    )
    sizes = [len(each) for each in (packed, arrays) if each is not None]
    return TrainSummary(digest, manifest, params.train.select_by, sum(sizes), sizes[-1])


def _fit_failed(
    error: Exception, params: Params, name: str, rows: TrainingRows, contract: Contract
) -> PluginError:
    where = f"params.yaml: train.candidates.{name}"
    found = f"{params.train.candidates[name].maker}{source_code.raised_at(error)}"
    message = fitted_model.error_message(error)
    if "'NoneType' object has no attribute" in message:
        fix = "Let each fit of the project's own end with: return self."
        return PluginError(f"fitting failed: {message}", where=where, found=found, fix=fix)
    if contract.texts and ("no terms remain" in message or "empty vocabulary" in message):
        names = "' or '".join(contract.texts)
        return PluginError(
            f"fitting failed: {message}",
            where=f"{where}.text",
            expected=f"a vectorizer that keeps some words of '{names}'",
            found="none, as rows have too few words in common",
            fix=f"Let it keep rarer words (args: {{min_df: 1}}), or give the column another role "
            f"than text in {contract.file}.",
        )
    lacking = find_valueless(rows, params.train.folds)
    immense = {} if lacking else find_immense(rows)
    if immense:
        name, furthest = max(immense.items(), key=lambda each: each[1])
        return PluginError(
            f"fitting failed, and the feature '{name}' has numbers that overflow",
            where=where,
            expected=f"none beyond {LARGEST_FLOAT32:.1e}",
            found=f"{furthest:g}; {message}, by {found}",
            fix=f"Give '{name}' a limit in {params.contract.file} (ge=, le=), or leave it out.",
        )
    if not lacking:
        return PluginError(f"fitting failed: {message}", where=where, found=found)
    # Many an estimator cannot take a column without a value, and says something else.
    first, lacked = next(iter(lacking.items()))
    return PluginError(
        f"fitting failed, and the feature '{first}' has no value in {lacked}",
        where=where,
        expected="values of each feature in at least two folds of training",
        found=f"none of {', '.join(lacking)}; {message}, by {found}",
        fix=f"Leave '{first}' out of {params.contract.file}, or choose a longer window at "
        "prepare.train.",
    )


def _read(
    source: Path, contract: Contract, task: Task, night: str
) -> tuple[TrainingRows, pd.DataFrame, pd.Series[str]]:
    """The training rows, their slice fields and nights; the rest of the table is not kept."""
    frame = to_frame(contract, pq.read_table(source))
    rows = training_rows(contract, task, frame)
    slices = frame[[*contract.slices]].copy()
    del frame
    # A night may be a week or a month; a table that somebody else prepared need not tell.
    nights = rows.days
    if night in pq.read_schema(source).names:
        nights = pq.read_table(source, columns=[night]).column(0).cast(pa.string()).to_pandas()
    # What was read to get at the rows is larger than they are.
    pa.default_memory_pool().release_unused()
    return rows, slices, nights


def _task(contract: Contract, params: Params) -> Task:
    kind = contract.field(contract.label).kind
    task = infer_task(kind, contract.label)
    problem = inapplicable_reason(params.train.select_by, task)
    if problem is not None:
        why = f"{contract.label!r} is declared as a {kind} in {params.contract.file}"
        raise ParamsError(
            [f"{layout.PARAMS}: train.select_by: {problem}. It is {task} because {why}"]
        )
    rows = params.bundle.reasons.rows
    if rows != "all" and task != "binary":
        raise ParamsError(
            [
                f"{layout.PARAMS}: bundle.reasons.rows: expected all, as no threshold decides "
                f"about a {task} label, found {rows}"
            ]
        )
    taken = prediction.RESERVED & {*contract.features, *contract.keys, contract.label}
    if taken:
        raise ContractFileError(
            "no key, feature or label may be called what the model's answer is called",
            where=params.contract.file,
            found=", ".join(sorted(taken)),
        )
    return task


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


def _progress(name: str, look: Callable[[], None]) -> Callable[[int, int], None]:
    def told(done: int, folds: int) -> None:
        _log.info("train: %s: fold %d of %d scored", name, done, folds)
        look()

    return told


def _compiled(
    params: Params,
    compare: Callable[[float], tuple[bytes | None, compiled.EquivalenceResult]],
) -> tuple[bytes | None, compiled.EquivalenceResult]:
    """What ``compare`` returns for the allowed difference, unless params.yaml turns it off."""
    if params.bundle.compile == "off":
        return None, compiled.EquivalenceResult(
            used=False,
            kind="",
            rows=0,
            max_difference=None,
            tolerance=params.bundle.tolerance,
            reason="bundle.compile is off in params.yaml",
        )
    return compare(params.bundle.tolerance)


def _manifest(
    root: Path,
    params: Params,
    name: str,
    contract: Contract,
    built: CandidatePipeline,
    foreign: Sequence[str],
    made: FittedModel,
    proof: compiled.EquivalenceResult,
    losses: Mapping[str, LossModel],
    unlike: Mapping[str, str],
    reasons: Mapping[str, Any],
) -> Manifest:
    scored, calibration = made.scored, made.calibration
    candidate = params.train.candidates[name]
    code = source_code.find_dependencies(source_code.file_reader(root), foreign)
    return Manifest(
        name=params.name,
        task=scored.task,
        classes=scored.classes,
        candidate=name,
        estimator=candidate.maker,
        args=dict(candidate.args),
        chosen=dict(made.chosen),
        encoding=built.encoding,
        calibration=calibration.method,
        calibration_losses={method: round(loss, 9) for method, loss in calibration.losses.items()},
        losses_uncompiled=dict(unlike),
        reasons=dict(reasons),
        vocabularies={
            feature: {"found": vocabulary.found, "kept": len(vocabulary.kept)}
            for feature, vocabulary in built.capped.items()
        },
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
        sensitive=contract.hidden,
        weight=contract.weight or "",
        window=str(params.prepare.train),
        rows=len(scored),
        positives=scored.positives,
        data_digest=digests.digest_file(root / layout.TRAIN_TABLE),
        contract_digest=digests.worktree_contract(root, params),
        out_of_fold={
            item: round(value, 9) if made.learns and np.isfinite(value) else None
            for item, value in scored.values().items()
        },
        types=tuple(foreign),
        compiled=asdict(proof),
        code={path: source_code.digest(text) for path, text in code.items()},
        versions=versions(source_code.third_party_modules(code, foreign)),
    )


def _sample(scored: pd.DataFrame, params: Params) -> pd.DataFrame:
    count = min(params.bundle.reference_rows, len(scored))
    chosen = np.random.default_rng(params.seed).choice(len(scored), size=count, replace=False)
    return scored.iloc[np.sort(chosen)].reset_index(drop=True)
