"""Refuses fairness rules across columns that nothing is measured by."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from assay.contract.definition import Contract
from assay.errors import AssayError, ParamsError
from assay.metrics.slices import AND
from assay.project import layout
from assay.project.params import Params
from assay.project.params.gate import ERROR_RATES, FairnessRule
from assay.project.text.quoting import quote_value


def unsliced_rules(params: Params, contract: Contract) -> Iterator[str]:
    """A line for each fairness rule across a column that is not sliced, or not measured by.

    Sliced are columns with the role slice or sensitive, and the pairs of ``evaluate.pairs``. Rates
    of errors are measured by columns with the role sensitive alone.
    """
    known = [*contract.slices, *(AND.join(pair) for pair in params.evaluate.pairs)]
    for rule in params.gate.rules:
        if not isinstance(rule, FairnessRule):
            continue
        if rule.across in known:
            if rule.of in ERROR_RATES and rule.across not in contract.sensitive:
                yield AssayError(
                    f"{rule.of} is measured by columns with the role sensitive",
                    where=f"{layout.PARAMS}: gate.rules '{rule.name}': across",
                    expected=", ".join(contract.sensitive) or f"such a column in {contract.file}",
                    found=quote_value(rule.across),
                    mend=f"Give it that role in {contract.file}, or compare another metric",
                ).line()
            continue
        near = difflib.get_close_matches(rule.across, known, n=1)
        if near:
            mend = f"Did you mean {quote_value(near[0])}?"
        elif rule.across in contract.columns:
            mend = f"Give {quote_value(rule.across)} the role sensitive or slice in {contract.file}"
        else:
            mend = f"Name a column of {contract.file} that has the role sensitive or slice"
        yield AssayError(
            "a fairness rule across a column that is not sliced, so it has no groups to compare",
            where=f"{layout.PARAMS}: gate.rules '{rule.name}': across",
            expected=f"a column with the role slice or sensitive: {', '.join(known) or 'none'}",
            found=quote_value(rule.across),
            mend=mend,
        ).line()


def refuse_unsliced_rules(params: Params, contract: Contract) -> None:
    """Refuse at the start of a stage what the gate could only fail at the end of a training.

    Raises
    ------
    ParamsError
        With a line for each rule.
    """
    if lines := list(unsliced_rules(params, contract)):
        raise ParamsError(lines)
