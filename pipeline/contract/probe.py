"""What can be known about a contract's checks before there is any data."""

from __future__ import annotations

from pipeline.contract import guard
from pipeline.contract.evaluate import ask, no_bool_per_row, raised, reads_label
from pipeline.contract.frame import to_frame
from pipeline.contract.guard import Stopped
from pipeline.contract.model import Contract
from pipeline.contract.schema import canonical


def probe(contract: Contract) -> None:
    """Call every check on no rows at all, rules over whole rows without the label.

    So that a rule which reads the label or a column that does not exist, which answers for
    the whole table at once, or which ends the process or never ends, is refused when the
    contract is written and not in the first night. A check that merely cannot do without
    rows is no mistake.

    Raises
    ------
    ContractFileError
        Naming the rule, its line, and what to do.
    """
    scoring = contract.without_label()
    frames = {each: to_frame(each, canonical(each).empty_table()) for each in (contract, scoring)}
    for rule in contract.rules:
        if rule.test != "check":
            continue
        given = contract if rule.column else scoring
        frame = frames[given]
        try:
            answer = ask(rule, frame[rule.column] if rule.column else frame, guard.AT_LOAD)
        except Exception as error:
            mistaken = reads_label(given, rule, error) or _unknown_column(error, contract)
            if mistaken or isinstance(error, Stopped):
                raise raised(given, rule, error) from None
            continue
        if isinstance(answer, (bool, int)) or answer is None or not hasattr(answer, "index"):
            raise no_bool_per_row(given, rule, answer)


def _unknown_column(error: Exception, contract: Contract) -> bool:
    return (
        isinstance(error, KeyError)
        and len(error.args) == 1
        and isinstance(error.args[0], str)
        and error.args[0] not in contract.columns
    )
