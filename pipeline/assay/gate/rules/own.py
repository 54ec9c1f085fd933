"""``kind: own``: a function of the project's own decides, from the reports that it asks for.

It gets reports as the mappings of docs/schemas/, by the names of its parameters, and its arguments.
It returns an outcome, ``PASS``, ``FAIL`` or ``INCONCLUSIVE``, and a sentence that says why.
Promotion asks it again, with the code and the reports of the commit, and its answer must be the
same.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from assay.errors import PluginError
from assay.gate.inputs import GateInputs
from assay.gate.rules.kind import Rule
from assay.project import plugins, source_code
from assay.project.params.behaviour import GateParams, Scalar
from assay.project.params.values import Dumped, Frozen, FunctionName, Text
from assay.project.text import quote_value, suggest
from assay.reports.verdict import Finding, Outcome


class Own(Rule):
    """A function of the project's own decides, from reports and its arguments."""

    function: FunctionName
    args: Annotated[Mapping[Text, Scalar], Frozen, Dumped] = Field(
        default_factory=dict, validate_default=True
    )

    reads: ClassVar = ("evaluation", "comparison", "rehearsal", "leakage")

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """The function's answer."""
        return evaluate(self, inputs)

    def advice(self, finding: Finding) -> str | None:
        """Nothing: the function says it itself."""
        return None

    def check(self, root: Path) -> None:
        """Import the function, and see what it asks for."""
        wanted_reports(
            self, plugins.resolve(self.function, key=f"{self.place}: function", root=root)
        )

    @property
    def source(self) -> str:
        """The function."""
        return self.function


REPORTS = ("evaluation", "comparison", "rehearsal", "leakage")
"""The reports that a function can ask for."""


def evaluate(rule: Own, inputs: GateInputs) -> tuple[Finding, ...]:
    """The function's answer; FAIL if it fails, or gives none.

    Raises
    ------
    AssayError
        The function cannot be had, or a report that it asks for.
    """
    key = f"gate.rules '{rule.name}': function"
    function = plugins.resolve(rule.function, key=key, read=inputs.own_code)
    given: dict[str, Any] = {
        name: getattr(inputs, name).tree() for name in wanted_reports(rule, function)
    }
    try:
        answer = function(**given, **rule.args)
    except (Exception, SystemExit) as error:
        what = f"{rule.function} failed with {type(error).__name__}: {error}"
        fix = _keys(given) if isinstance(error, KeyError) else None
        return (rule.fail(what + source_code.raised_at(error), fix=fix),)
    known = {each.value for each in Outcome}
    if not (isinstance(answer, tuple) and len(answer) == 2 and answer[0] in known):
        wanted = f"one of {', '.join(sorted(known))}, and why"
        return (rule.fail(f"{rule.function} has to return {wanted}, not {_short(answer)}"),)
    outcome, why = answer
    if not isinstance(why, str) or not why.strip():
        return (rule.fail(f"{rule.function} gives no reason for its {outcome}"),)
    return (rule.finding(Outcome(outcome), " ".join(why.split())),)


def wanted_reports(rule: Own, function: Any) -> tuple[str, ...]:
    """The reports among the parameters of the rule's function.

    Raises
    ------
    PluginError
        It is no function, its parameters are neither reports nor arguments of the rule, or it does
        not take one of these arguments.
    """
    where = f"params.yaml: gate.rules '{rule.name}': function"
    plugins.require_function(function, rule.function, where)
    asked = inspect.signature(function).parameters
    lacking = [
        name
        for name, each in asked.items()
        if name not in (*REPORTS, *rule.args)
        and each.default is each.empty
        and each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
    ]
    if lacking or not any(name in asked for name in REPORTS):
        raise PluginError(
            f"the function asks for {quote_value(lacking[0])}, which it cannot get"
            if lacking
            else "the function asks for no report",
            where=where,
            expected=f"parameters named {', '.join(REPORTS)}, or as an argument of the rule",
            found=", ".join(asked) or "no parameter",
        )
    strange = [name for name in rule.args if name not in asked]
    if strange and not any(each.kind is each.VAR_KEYWORD for each in asked.values()):
        raise PluginError(
            f"the function takes no {quote_value(strange[0])}",
            where=f"params.yaml: gate.rules '{rule.name}': args",
            expected=f"arguments of {rule.function}: {', '.join(asked)}",
            found=", ".join(rule.args),
            fix=suggest(strange[0], set(asked) - {*REPORTS, *rule.args}),
        )
    return tuple(name for name in REPORTS if name in asked)


def _keys(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """What there is where a key is not."""
    text = "; ".join(f"{name} has {', '.join(tree)}" for name, tree in reports.items())
    return f"{text[0].upper()}{text[1:]}; docs/schemas has what lies within."


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
