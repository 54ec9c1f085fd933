"""The stage ``nights``: find the nights that will be rehearsed, without reading their rows.

What lies in the input is known to nobody but the input, so DVC runs this stage each time. Its
report depends on the input alone: the rehearsal runs again only if the nights changed. An input
that cannot be reached is no error here; the gate's rules say what that means.
"""

from __future__ import annotations

from pathlib import Path

from assay.contract.definition import Contract
from assay.contract.loader import load_contract
from assay.errors import AssayError, DataError
from assay.errors.base import describe_error
from assay.project import extras
from assay.project.params import Params
from assay.reports.rehearsal import LastNights, ListedNight
from assay.score.due import is_day
from assay.score.inputs.formats import find_night, open_input

NOT_ASKED = "rehearse.nights in params.yaml is 0"


def run(root: Path, params: Params) -> LastNights:
    """Write nights.json: the nights that ``rehearse.nights`` asks for, or why there are none.

    Raises
    ------
    ContractFileError
        The contract cannot be loaded.
    """
    found = _find(root, params)
    found.write(root)
    return found


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
