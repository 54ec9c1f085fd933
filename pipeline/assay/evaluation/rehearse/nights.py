"""Score the last real nights with challenger and champion, each in one Spark job, and count.

It is the night's own code up to publication: find the input, distribute it, check the contract,
score. Nothing is written, and keys that repeat are not looked for: both models would refuse the
same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import AssayError, DataError, RowCountMismatch, SourceError
from assay.errors.base import describe_error
from assay.evaluation.rehearse.champion import NightChampion, NightModel, load_champion
from assay.evaluation.rehearse.cost import NO_MEMORY, measure_cost
from assay.evaluation.rehearse.night_counts import NightCounts, total
from assay.evaluation.rehearse.night_report import describe_night
from assay.evaluation.rehearse.night_work import NightWork, SentModel, reads_alike
from assay.project import layout
from assay.project.params import Params
from assay.reports.last_nights import LastNights, ListedNight
from assay.reports.rehearsed_nights import RehearsedChampion, RehearsedNight, RehearsedNights
from assay.score import publication_checks
from assay.score.carriers import choose_carrier, open_night
from assay.score.inputs import formats
from assay.score.local import no_progress, rows_per_batch

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from assay.score.inputs.types import NightInput

ABOUT_ONE_NIGHT = (DataError, RowCountMismatch)
"""Errors that concern one night only: the other nights are still rehearsed."""


@dataclass(frozen=True)
class AskedNights:
    """Everything that is known before Spark is needed."""

    listed: LastNights
    challenger: NightModel
    champion: NightChampion


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
    champion = load_champion(root, challenger.bundle.manifest, params.bundle.allow_types)
    return AskedNights(listed, challenger, champion)


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
        champion=_describe_champion(root, params, asked.champion, rows),
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
    model = asked.champion.model
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
        batch_rows=rows_per_batch(params.score.batch_rows, len(challenger.contract.columns)),
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
    root: Path, params: Params, champion: NightChampion, rows: Path
) -> RehearsedChampion:
    about = {
        "state": champion.state,
        "version": champion.version,
        "bundle": champion.digest,
        "why": champion.why,
    }
    if champion.model is None:
        return RehearsedChampion.model_validate(about)
    return RehearsedChampion.model_validate(
        {**about, **dict(_cost(root, params, champion.model, rows))}
    )


def _cost(
    root: Path, params: Params, model: NightModel, rows: Path
) -> Iterator[tuple[str, float | str | None]]:
    """What the champion costs, or why that is not known."""
    sources = root / layout.CHAMPION_CONTRACT
    try:
        spent = measure_cost(
            root,
            bundle=root / layout.CHAMPION_BUNDLE,
            digest=model.bundle.digest,
            allow_types=params.bundle.allow_types,
            contract=sources / model.rules.file,
            rows=rows,
            batch_rows=rows_per_batch(params.score.batch_rows, len(model.contract.columns)),
            repeats=params.rehearse.repeats,
            sources=sources,
            code=root / layout.CHAMPION_CODE,
        )
    except AssayError as error:
        yield "cost_why", describe_error(error, root)
        return
    yield "latency_ms", spent.latency_ms
    yield "memory_mb", spent.memory_mb
    yield "cost_why", NO_MEMORY if spent.memory_mb is None else None
