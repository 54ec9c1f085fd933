"""Score the last real nights with challenger and champion, each in one Spark job, and count flips.

It is the night's own code up to publication: find the input, distribute it, check the contract,
score. Nothing is written, and keys that repeat are not looked for: both models would refuse the
same ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.contract.definition import Contract
from assay.contract.loader import load_contract, load_kept_contract
from assay.errors import AssayError, DataError, RowCountMismatch, SourceError
from assay.errors.base import describe_error
from assay.evaluation.champion import Champion, load_champion
from assay.evaluation.night_work import DecisionCounter, FlipCounts, SentModel, reads_alike
from assay.model.bundle import Bundle
from assay.project import extras, layout
from assay.project.params import Params
from assay.project.tasks import Task
from assay.reports.rehearsal import (
    LastNights,
    ListedNight,
    RehearsedChampion,
    RehearsedNight,
    RehearsedNights,
    SliceFlips,
)
from assay.score.carriers import choose_carrier, open_night
from assay.score.due import is_day
from assay.score.inputs import formats
from assay.score.inputs.formats import find_night, open_input
from assay.score.local import no_progress, rows_per_batch

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from assay.score.inputs.types import NightInput


@dataclass(frozen=True)
class ScoringModel:
    """A model and its contract at scoring time: ``Contract.without_label()``."""

    bundle: Bundle
    contract: Contract


ABOUT_ONE_NIGHT = (DataError, RowCountMismatch)
"""Errors that concern one night only: the other nights are still rehearsed."""


@dataclass(frozen=True)
class RehearsalPlan:
    """All that is known before Spark is needed; ``rival`` is the champion if it can score."""

    listed: LastNights
    challenger: ScoringModel
    champion: Champion
    rival: ScoringModel | None


def prepare(root: Path, params: Params, challenger: ScoringModel) -> RehearsalPlan:
    """Read which nights there are, and load the champion.

    Raises
    ------
    StageInputMissing
        The stage ``nights`` or ``champion`` has not run.
    """
    listed = LastNights.read(root)
    champion = load_champion(root, params, challenger.bundle.manifest)
    if champion.bundle is None:
        return RehearsalPlan(listed, challenger, champion, None)
    assert champion.version is not None, "a champion that was loaded has a version"
    try:
        _ = champion.bundle.reference  # workers must not be the first to see a damage
        contract, _, _ = load_kept_contract(
            root / layout.CHAMPION_CONTRACT,
            champion.version,
            champion.bundle.manifest.contract_digest,
        )
    except Exception as error:  # imports the project's own code, which may raise anything
        extras.raise_if_missing(error)
        return RehearsalPlan(
            listed, challenger, champion.unreadable(describe_error(error, root)), None
        )
    return RehearsalPlan(listed, challenger, champion, ScoringModel(champion.bundle, contract))


def rehearse(
    root: Path, params: Params, session: Callable[[], SparkSession], asked: RehearsalPlan
) -> RehearsedNights:
    """Score the nights that were found, if there is a champion to compare with.

    A night that cannot be read says why, and the others are scored. A champion that raises on a
    night's rows has a reason there instead of numbers.

    Raises
    ------
    AssayError
        The challenger cannot score a night, as in a scoring run.
    """
    champion, rival = asked.champion, asked.rival
    described = RehearsedChampion.model_validate(
        {
            "state": champion.state if rival is None else "scored",
            "version": champion.version,
            "bundle": champion.digest,
            "why": champion.why,
        }
    )
    nights: tuple[RehearsedNight, ...] = ()
    if rival is not None:
        nights = tuple(
            _rehearse(root, params, session, asked.challenger, rival, each)
            for each in asked.listed.nights
        )
    return RehearsedNights(champion=described, nights=nights, why=asked.listed.why)


def _rehearse(
    root: Path,
    params: Params,
    session: Callable[[], SparkSession],
    challenger: ScoringModel,
    champion: ScoringModel,
    listed: ListedNight,
) -> RehearsedNight:
    if listed.why is not None:
        return RehearsedNight(day=listed.day, why=listed.why)
    try:
        night = formats.find_night(root, params, challenger.contract, listed.day)
        if night.identity != listed.fingerprint:
            raise SourceError(
                "the input changed since the stage 'nights' found it",
                where=night.where,
                fix="Run dvc repro again.",
            )
        if not reads_alike(challenger.contract, champion.contract):
            try:
                formats.find_night(root, params, champion.contract, listed.day)
            except AssayError as error:
                text = f"the champion's contract cannot be applied: {describe_error(error, root)}"
                return RehearsedNight(day=listed.day, fingerprint=listed.fingerprint, why=text)
        counts = _count(root, params, session, night, challenger, champion)
    except ABOUT_ONE_NIGHT as error:
        text = describe_error(error, root)
        return RehearsedNight(day=listed.day, fingerprint=listed.fingerprint, why=text)
    return describe_night(challenger.bundle.manifest.task, listed, counts)


def _count(
    root: Path,
    params: Params,
    session: Callable[[], SparkSession],
    night: NightInput,
    challenger: ScoringModel,
    champion: ScoringModel,
) -> FlipCounts:
    work = DecisionCounter(
        where=f"night {night.value}",
        batch_rows=rows_per_batch(params.score.batch_rows, challenger.contract.width),
        challenger=_sent(challenger),
        champion=_sent(champion),
    )
    carrier = choose_carrier(params, night)
    with open_night(session, root, params, night, challenger.contract, carrier) as rows:
        parts, counts = rows.run(work, no_progress)
        total = sum(parts, FlipCounts())
    formats.check_unchanged(root, params, challenger.contract, night)
    if set(counts) != {total.read}:
        raise RowCountMismatch(
            "the books do not balance",
            where=night.where,
            expected=f"{', '.join(map(str, sorted(counts)))} rows, as the input says",
            found=f"{total.read} read",
            fix="Run dvc repro again; if it happens twice, the input changed meanwhile.",
        )
    return total


def _sent(model: ScoringModel) -> SentModel:
    bundle = model.bundle
    return SentModel(bundle.scoring_files, bundle.digest, bundle.allow_types, model.contract)


def describe_night(task: Task, listed: ListedNight, counts: FlipCounts) -> RehearsedNight:
    """The night that was scored; by field, the slice with the most flips first, the rest last."""
    if counts.failure is not None:
        return RehearsedNight(
            day=listed.day, fingerprint=listed.fingerprint, why=f"the champion: {counts.failure}"
        )
    classes = task != "regression"
    slices = [
        SliceFlips(field=field, value=value, rows=rows, flipped=counts.slice_flipped[field, value])
        for (field, value), rows in counts.slice_rows.items()
    ]
    slices.sort(key=lambda one: (one.field, one.value is None, -one.flipped, one.value or ""))
    return RehearsedNight(
        day=listed.day,
        fingerprint=listed.fingerprint,
        rows=counts.rows,
        flipped=counts.flipped if classes else None,
        slices=tuple(slices) if classes else (),
    )


# --------- the stage ``nights``: find the nights that will be rehearsed, without reading their rows
# What lies in the input is known to nobody but the input, so DVC runs this stage each time. Its
# report depends on the input alone: the rehearsal runs again only if the nights changed. An input
# that cannot be reached is no error here; the gate's rules say what that means.

NOT_ASKED = "rehearse.nights in params.yaml is 0"


def run(root: Path, params: Params) -> LastNights:
    """Write nights.json: the nights that ``rehearse.nights`` asks for, or why there are none.

    Raises
    ------
    ContractFileError
        The contract cannot be loaded.
    """
    last_nights = _find(root, params)
    last_nights.write(root)
    return last_nights


def _find(root: Path, params: Params) -> LastNights:
    kind, asked = params.score.input.format, params.rehearse.nights
    if asked == 0:
        return LastNights(input=kind, nights=(), why=NOT_ASKED)
    contract = load_contract(
        root / params.contract.file, params.contract.file, root=root
    ).without_label()
    if isinstance(asked, int):
        try:
            held = [day for day in open_input(root, params).nights() if is_day(day)]
        except AssayError as error:
            extras.raise_if_missing(error)
            return LastNights(input=kind, nights=(), why=describe_error(error, root))
        if not held:
            column = params.ingest.partition_by
            why = f"the input has no night: no partition {column}=... that is a day"
            return LastNights(input=kind, nights=(), why=why)
        days = held[-asked:]
    else:
        days = [str(day) for day in asked]
    nights = tuple(_look(root, params, contract, day) for day in days)
    return LastNights(input=kind, nights=nights, why=None)


def _look(root: Path, params: Params, contract: Contract, day: str) -> ListedNight:
    try:
        night = find_night(root, params, contract, day)
    except DataError as error:
        return ListedNight(day=day, why=describe_error(error, root))
    return ListedNight(day=day, fingerprint=night.identity, rows=night.rows)
