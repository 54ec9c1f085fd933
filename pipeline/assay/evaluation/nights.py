"""Score the last real nights with challenger and champion, each in one Spark job, and count.

It is the night's own code up to publication: find the input, distribute it, check the contract,
score. Nothing is written, and keys that repeat are not looked for: both models would refuse the
same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from assay.columns.distance import js_distance
from assay.contract.definition import Contract
from assay.contract.loader import load_kept_contract
from assay.errors import AssayError, DataError, RowCountMismatch, SourceError
from assay.errors.base import describe_error
from assay.evaluation.champion import Champion, load_champion
from assay.evaluation.cost import NO_MEMORY, Batch, measure_cost
from assay.evaluation.night_work import (
    ModelCounts,
    NightCounts,
    NightWork,
    PairCounts,
    SentModel,
    reads_alike,
    total,
)
from assay.model import prediction
from assay.model.bundle import Bundle
from assay.project import extras, layout
from assay.project.params import ContractParams, Params, UniqueKey
from assay.project.tasks import Task
from assay.reports.comparison import shorten
from assay.reports.rehearsal import (
    LastNights,
    ListedNight,
    ModelNight,
    NightChange,
    RehearsedChampion,
    RehearsedNight,
    RehearsedNights,
    SliceFlips,
)
from assay.score import publication_checks
from assay.score.carriers import choose_carrier, open_night
from assay.score.inputs import formats
from assay.score.local import no_progress, rows_per_batch
from assay.store import RecentRuns

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from assay.score.inputs.types import NightInput


@dataclass(frozen=True)
class NightModel:
    """A model with all that determines what it does to a night.

    Parameters
    ----------
    contract
        At scoring time: ``Contract.without_label()``.
    rules
        The contract's section of params.yaml.
    """

    bundle: Bundle
    contract: Contract
    rules: ContractParams


ABOUT_ONE_NIGHT = (DataError, RowCountMismatch)
"""Errors that concern one night only: the other nights are still rehearsed."""


@dataclass(frozen=True)
class AskedNights:
    """All that is known before Spark is needed; ``rival`` is the champion if it can score."""

    listed: LastNights
    challenger: NightModel
    champion: Champion
    rival: NightModel | None


def prepare(root: Path, params: Params, challenger: NightModel) -> AskedNights:
    """Read which nights there are, and load the champion.

    Raises
    ------
    ParamsError
        The quarantine budget names a rule that the contract does not have: no night would be
        scored.
    StageInputMissing
        The stage ``nights`` or ``champion`` has not run.
    """
    listed = LastNights.read(root)
    publication_checks.check_budget(params.quarantine, challenger.contract)
    champion = load_champion(root, params, challenger.bundle.manifest)
    if champion.bundle is None:
        return AskedNights(listed, challenger, champion, None)
    assert champion.version is not None, "a champion that was loaded has a version"
    try:
        _ = champion.bundle.reference  # workers must not be the first to see a damage
        contract, _, rules = load_kept_contract(
            root / layout.CHAMPION_CONTRACT,
            champion.version,
            champion.bundle.manifest.contract_digest,
        )
    except Exception as error:  # imports the project's own code, which may raise anything
        extras.raise_if_missing(error)
        return AskedNights(
            listed, challenger, champion.unreadable(describe_error(error, root)), None
        )
    return AskedNights(listed, challenger, champion, NightModel(champion.bundle, contract, rules))


def rehearse(
    root: Path,
    params: Params,
    session: Callable[[], SparkSession],
    asked: AskedNights,
    rows: Path,
) -> RehearsedNights:
    """Score the nights that were found.

    A night that cannot be read says why, and the others are scored. A champion that raises on a
    night's rows has a reason there instead of numbers.

    Parameters
    ----------
    rows
        A Parquet file on which the champion's cost is measured.

    Raises
    ------
    AssayError
        The challenger cannot score a night, as in a scoring run.
    """
    return RehearsedNights(
        champion=_describe_champion(root, params, asked, rows),
        nights=tuple(_rehearse(root, params, session, asked, each) for each in asked.listed.nights),
        why=asked.listed.why,
    )


def _rehearse(
    root: Path,
    params: Params,
    session: Callable[[], SparkSession],
    asked: AskedNights,
    listed: ListedNight,
) -> RehearsedNight:
    if listed.why is not None:
        return RehearsedNight(day=listed.day, fingerprint="", why=listed.why)
    try:
        night = formats.find_night(root, params, asked.challenger.contract, listed.day)
        if night.identity != listed.fingerprint:
            raise SourceError(
                "the input changed since the stage 'nights' found it",
                where=night.where,
                fix="Run dvc repro again.",
            )
        champion, why = _for_night(root, params, asked, listed.day)
        counts = _count(root, params, session, night, asked.challenger, champion)
    except ABOUT_ONE_NIGHT as error:
        told = describe_error(error, root)
        return RehearsedNight(day=listed.day, fingerprint=listed.fingerprint, why=told)
    return describe_night(params, listed, counts, asked.challenger, champion, why)


def _for_night(
    root: Path, params: Params, asked: AskedNights, day: str
) -> tuple[NightModel | None, str | None]:
    """The champion if its contract can read the night, else why it cannot."""
    model = asked.rival
    if model is None or reads_alike(asked.challenger.contract, model.contract):
        return model, None
    try:
        publication_checks.check_budget(params.quarantine, model.contract)
        formats.find_night(root, params, model.contract, day)
    except AssayError as error:
        return None, f"its contract cannot be applied: {describe_error(error, root)}"
    return model, None


def _count(
    root: Path,
    params: Params,
    session: Callable[[], SparkSession],
    night: NightInput,
    challenger: NightModel,
    champion: NightModel | None,
) -> NightCounts:
    work = NightWork(
        where=f"night {night.value}",
        batch_rows=rows_per_batch(params.score.batch_rows, challenger.contract.width),
        challenger=_sent(challenger),
        champion=None if champion is None else _sent(champion),
    )
    carrier = choose_carrier(params, night)
    with open_night(session, root, params, night, challenger.contract, carrier) as rows:
        parts, counts = rows.run(work, no_progress)
        found = total(parts)
    formats.check_unchanged(root, params, challenger.contract, night)
    one = found.challenger
    if set(counts) != {one.tally.rows} or one.tally.rows != one.scored + one.quarantined:
        raise RowCountMismatch(
            "the books do not balance",
            where=night.where,
            expected=f"{', '.join(map(str, sorted(counts)))} rows, as the input says",
            found=f"{one.tally.rows} read, {one.scored} scored, {one.quarantined} quarantined",
            fix="Run dvc repro again; if it happens twice, the input changed meanwhile.",
        )
    return found


def _sent(model: NightModel) -> SentModel:
    bundle = model.bundle
    return SentModel(bundle.scoring_files, bundle.digest, bundle.allow_types, model.contract)


def _describe_champion(
    root: Path, params: Params, asked: AskedNights, rows: Path
) -> RehearsedChampion:
    champion, rival = asked.champion, asked.rival
    return RehearsedChampion.model_validate(
        {
            "state": champion.state if rival is None else "scored",
            "version": champion.version,
            "bundle": champion.digest,
            "why": champion.why,
            **({} if rival is None else dict(_cost(root, params, rival, rows))),
        }
    )


def _cost(
    root: Path, params: Params, model: NightModel, rows: Path
) -> Iterator[tuple[str, float | str | None]]:
    """What the champion costs, or why that is not known."""
    sources = root / layout.CHAMPION_CONTRACT
    batch = Batch(
        bundle=root / layout.CHAMPION_BUNDLE,
        digest=model.bundle.digest,
        allow_types=params.bundle.allow_types,
        contract=sources / model.rules.file,
        rows=rows,
        batch_rows=rows_per_batch(params.score.batch_rows, model.contract.width),
        repeats=params.rehearse.repeats,
        sources=sources,
        code=root / layout.CHAMPION_CODE,
    )
    try:
        spent = measure_cost(root, batch)
    except AssayError as error:
        yield "cost_why", describe_error(error, root)
        return
    yield "latency_ms", spent.latency_ms
    yield "memory_mb", spent.memory_mb
    yield "cost_why", NO_MEMORY if spent.memory_mb is None else None


def describe_night(
    params: Params,
    listed: ListedNight,
    counts: NightCounts,
    challenger: NightModel,
    champion: NightModel | None,
    why: str | None,
) -> RehearsedNight:
    """The night that was scored.

    Parameters
    ----------
    why
        Why the champion was not asked; None if it was, or if there is none.
    """
    failure = counts.failure if why is None else why
    beside = champion if failure is None else None
    return RehearsedNight(
        day=listed.day,
        fingerprint=listed.fingerprint,
        rows=counts.challenger.tally.rows,
        challenger=_model(params, listed.day, counts.challenger, challenger),
        champion=None if beside is None else _model(params, listed.day, counts.champion, beside),
        champion_why=failure,
        change=None if beside is None else _change(challenger.bundle.manifest.task, counts.pair),
    )


def _model(params: Params, day: str, counts: ModelCounts, model: NightModel) -> ModelNight:
    tally = counts.tally
    score = prediction.score_column(model.bundle.manifest.task)
    column = None if tally.profile is None else tally.profile[score]
    known = 0 if column is None else column.rows - column.nulls
    return ModelNight(
        scored=counts.scored,
        quarantined=counts.quarantined,
        refused_by=_most_first(tally.broken),
        null_scores=tally.null_scores,
        mean=shorten(column.total / known) if column is not None and known else None,
        held=_held(params, day, counts, model),
        seconds=round(counts.seconds, 6),
    )


def _held(params: Params, day: str, counts: ModelCounts, model: NightModel) -> tuple[str, ...]:
    """Why the night would be held back, judged alone: no earlier night is compared with."""
    facts = publication_checks.collect_facts(
        counts.tally, counts.quarantined, model.bundle, params, None
    )
    rules = tuple(rule for rule in model.rules.night if not isinstance(rule, UniqueKey))
    return publication_checks.hold_reasons(
        facts, rules, params.quarantine, params.publish, RecentRuns(), date.fromisoformat(day)
    )


def _change(task: Task, pair: PairCounts) -> NightChange:
    rows, classes = pair.rows, task != "regression"
    cells = sorted({*pair.challenger_cells, *pair.champion_cells})
    distance = js_distance(
        [pair.champion_cells.get(cell, 0) for cell in cells],
        [pair.challenger_cells.get(cell, 0) for cell in cells],
    )
    return NightChange(
        newly_quarantined=pair.newly_quarantined,
        newly_refused_by=_most_first(pair.newly_refused_by),
        newly_null=pair.newly_null,
        rows=rows,
        flipped=pair.flipped if classes else None,
        challenger_mean=shorten(pair.challenger_sum / rows) if rows else None,
        champion_mean=shorten(pair.champion_sum / rows) if rows else None,
        distance=shorten(float(distance)) if rows else None,
        absolute_change=shorten(pair.absolute_change / rows) if rows and not classes else None,
        slices=_slices(pair) if classes else (),
    )


def _slices(pair: PairCounts) -> tuple[SliceFlips, ...]:
    """By field, the slice with the most flips first; the values that are not listed come last."""
    found = [
        SliceFlips(field=field, value=value, rows=rows, flipped=pair.slice_flipped.get(key, 0))
        for key, rows in pair.slice_rows.items()
        for field, value in (key,)
    ]
    found.sort(key=lambda one: (one.field, one.value is None, -one.flipped, one.value or ""))
    return tuple(found)


def _most_first(rows: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(rows.items(), key=lambda item: (-item[1], item[0])))
