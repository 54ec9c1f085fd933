"""The leakage stage: both prepared tables in, leakage.json out. The gate judges what it says."""

from __future__ import annotations

from pathlib import Path

from pipeline import digests, jsonfile, layout
from pipeline.contract.load import load as load_contract
from pipeline.leakage.checks import run_all
from pipeline.leakage.results import Leakage
from pipeline.leakage.sides import of_project
from pipeline.leakage.source import look
from pipeline.leakage.terminal import show
from pipeline.params import Params


def run(root: Path, params: Params, as_json: bool = False) -> None:
    """Check training and holdout against each other and against the scoring source.

    Writes leakage.json; prints a table, or with ``as_json`` what the file holds. What is
    suspected or cannot be told is no error here.

    Raises
    ------
    StageInputMissing, SchemaMismatch
        A prepared table is not there, cannot be read or does not fit the contract.
    """
    contract = load_contract(root / params.contract.file, params.contract.file, root=root)
    sides = of_project(root, contract)
    limits = params.leakage
    seen = look(root, params.score.input, params.ingest.partition_by, limits.sample_rows)
    found = Leakage(
        name=params.name,
        contract=digests.contract_at(root, params),
        train=digests.file(root / layout.TRAIN_TABLE),
        holdout=digests.file(root / layout.HOLDOUT_TABLE),
        train_rows=sides.train.rows,
        holdout_rows=sides.holdout.rows,
        checks=run_all(sides, seen, limits),
    )
    document = found.to_plain()
    jsonfile.write(root / layout.LEAKAGE, document)
    if as_json:
        print(jsonfile.dumps(document), end="")
    else:
        show(found)
