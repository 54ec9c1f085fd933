"""The leakage stage: checks both prepared tables and writes leakage.json, which the gate judges."""

from __future__ import annotations

from pathlib import Path

from assay.contract.loader import load_contract
from assay.errors import ParamsError
from assay.project import digests, layout
from assay.project.params import LeakageParams as Limits
from assay.project.params import Params
from assay.project.params.behaviour import LEAKAGE_CHECKS
from assay.training.leakage.features import (
    SourceSample,
    UnsampledSource,
    identifier,
    label_name,
    not_at_scoring,
    sample_source,
)
from assay.training.leakage.predictive_power import label_power, label_sum, label_task
from assay.training.leakage.report import (
    Check,
    Leakage,
    TableDigests,
    TableRowCounts,
    unknown_check,
)
from assay.training.leakage.row_overlap import near_duplicates, same_key, time_overlap
from assay.training.leakage.shift import category_shift, label_shift
from assay.training.leakage.table_pair import (
    LazyTable,
    TablePair,
    open_table,
    pair_from_project,
)
from assay.training.leakage.unlabelled import unlabelled


def run_checks(
    sides: TablePair, lacking: LazyTable, seen: SourceSample | UnsampledSource, limits: Limits
) -> tuple[Check, ...]:
    """Runs every check on the two sides, the rows without a label and a sample of the nights.

    If a side has no rows, every check is ``unknown``, never ``ok``.
    """
    empty = [
        name
        for name, side in (("training", sides.train), ("the holdout", sides.holdout))
        if side.rows == 0
    ]
    if empty:
        return tuple(
            unknown_check(name, f"no rows in {' and '.join(empty)}", None)
            for name in LEAKAGE_CHECKS
        )
    power = label_power(sides, limits.max_label_power, limits.sample_rows)
    number = label_task(sides) == "regression"
    # Of a class a comparison of columns has to tell all; a number may differ by a small charge.
    most = limits.max_sum_power if number else limits.max_label_power
    return (
        same_key(sides),
        near_duplicates(sides, limits.max_duplicate_share),
        time_overlap(sides),
        power,
        label_sum(sides, most, limits.sample_rows),
        label_name(sides.contract, power, limits.trusted_columns),
        identifier(sides, limits.max_identifier_share),
        category_shift(sides, limits.max_category_shift),
        label_shift(sides, limits.max_label_shift),
        unlabelled(sides, lacking, limits.max_unlabelled),
        not_at_scoring(sides, seen),
    )


def run(root: Path, params: Params) -> Leakage:
    """Check training and holdout against each other and against the scoring source.

    Writes leakage.json. A suspect or unknown result is not an error here.

    Raises
    ------
    ParamsError
        ``leakage.trusted_columns`` names what is no feature.
    """
    contract = load_contract(root / params.contract.file, params.contract.file, root=root)
    limits = params.leakage
    unknown = [name for name in limits.trusted_columns if name not in contract.features]
    if unknown:
        raise ParamsError(
            [
                f"{layout.PARAMS}: leakage.trusted_columns: {contract.file} has no feature '{name}'"
                for name in unknown
            ]
        )
    sides = pair_from_project(root, contract)
    lacking = open_table(root, layout.UNLABELLED_TABLE, contract)
    seen = sample_source(root, params, limits.sample_rows)
    report = Leakage(
        name=params.name,
        contract=digests.worktree_contract(root, params),
        data=TableDigests(
            train=digests.digest_file(root / layout.TRAIN_TABLE),
            holdout=digests.digest_file(root / layout.HOLDOUT_TABLE),
        ),
        rows=TableRowCounts(train=sides.train.rows, holdout=sides.holdout.rows),
        checks=run_checks(sides, lacking, seen, limits),
    )
    report.write(root)
    return report
