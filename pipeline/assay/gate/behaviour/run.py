"""Run one behaviour of params.yaml on a model and its holdout."""

from __future__ import annotations

import zlib

import pandas as pd

from assay.errors import BehaviourError
from assay.gate.behaviour.cases import minimum_functionality
from assay.gate.behaviour.changes import compose_changes
from assay.gate.behaviour.checks import direction, invariance, monotonicity, robustness
from assay.gate.behaviour.result import BehaviourResult
from assay.gate.behaviour.subject import ModelUnderTest, RowSubset, select_rows
from assay.project.params.behaviour import (
    Behaviour,
    Direction,
    Invariance,
    MinimumFunctionality,
    Monotonicity,
)


def run(
    spec: Behaviour, subject: ModelUnderTest, holdout: pd.DataFrame, seed: int
) -> BehaviourResult:
    """The result of a behaviour. Deterministic.

    Raises
    ------
    BehaviourError
        The behaviour does not apply to this model or these rows. The error names the behaviour.
    """
    try:
        rows = select_rows(holdout, spec.where, spec.rows, subject.sensitive)
        return _dispatched(spec, subject, rows, [seed, zlib.crc32(spec.name.encode())])
    except BehaviourError as error:
        raise BehaviourError(
            error.what,
            where=f"params.yaml: gate.behaviour '{spec.name}'",
            expected=error.expected,
            found=error.found,
            fix=error.fix,
        ) from error


def _dispatched(
    spec: Behaviour, subject: ModelUnderTest, rows: RowSubset, seed: list[int]
) -> BehaviourResult:
    most = spec.max_failed
    if isinstance(spec, Invariance):
        change = compose_changes(spec.change, seed)
        return invariance(subject, rows, change, within=spec.within, max_failed=most)
    if isinstance(spec, Direction):
        return direction(
            subject,
            rows,
            compose_changes(spec.change, seed),
            expect=spec.expect,
            within=spec.within,
            of=spec.of,
            max_failed=most,
        )
    if isinstance(spec, MinimumFunctionality):
        return minimum_functionality(subject, rows, spec.cases, max_failed=most)
    if isinstance(spec, Monotonicity):
        return monotonicity(
            subject,
            rows,
            spec.column,
            spec.start,
            spec.end,
            steps=spec.steps,
            expect=spec.expect,
            within=spec.within,
            of=spec.of,
            max_failed=most,
        )
    return robustness(
        subject,
        rows,
        spec.perturb,
        columns=spec.columns,
        within=spec.within,
        seed=seed,
        max_failed=most,
    )
