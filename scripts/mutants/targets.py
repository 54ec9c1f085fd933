"""Which modules are mutated, and which tests speak for each, the nearest first."""

from __future__ import annotations

from pathlib import Path

RULES = ("test_rule_limit", "test_rule_change", "test_rule_fairness", "test_rule_reports")
PYTEST = ("test_plugin", "test_stage")

TESTS: dict[str, tuple[str, ...]] = {
    "pipeline/params.py": ("../test_params_bounds", "../test_params"),
    "pipeline/params_gate.py": ("../test_params_gate", "../test_params", *RULES),
    "pipeline/verdict.py": ("../test_verdict", "test_binding", "test_page"),
    "pipeline/verdict_json.py": ("../test_verdict",),
    "pipeline/gate/again.py": ("test_again",),
    "pipeline/gate/asked_again.py": ("test_asked_again",),
    "pipeline/gate/backtest.py": ("test_backtest",),
    "pipeline/gate/behaviours.py": ("test_asked",),
    "pipeline/gate/binding.py": ("test_binding",),
    "pipeline/gate/champions.py": ("test_vanished",),
    "pipeline/gate/evaluation.py": ("test_evaluation",),
    "pipeline/gate/explain.py": ("test_explain",),
    "pipeline/gate/finding.py": RULES,
    "pipeline/gate/findings.py": ("test_findings",),
    "pipeline/gate/fixtures.py": ("test_fixtures",),
    "pipeline/gate/groups.py": ("test_groups", *RULES),
    "pipeline/gate/html.py": ("test_html",),
    "pipeline/gate/inputs.py": ("test_rules",),
    "pipeline/gate/items.py": ("test_items", "test_recorder", "test_asked", *PYTEST),
    "pipeline/gate/page.py": ("test_page", "test_html"),
    "pipeline/gate/parts.py": RULES,
    "pipeline/gate/plugin.py": ("test_recorder", "test_plugin", "test_asked", "test_stage"),
    "pipeline/gate/promotion.py": ("../registry/test_promote",),
    "pipeline/gate/project.py": ("test_project", "test_plugin"),
    "pipeline/gate/record.py": ("test_record",),
    "pipeline/gate/rule_change.py": ("test_rule_change",),
    "pipeline/gate/rule_fairness.py": ("test_rule_fairness",),
    "pipeline/gate/rule_limit.py": ("test_rule_limit",),
    "pipeline/gate/rule_reports.py": ("test_rule_reports",),
    "pipeline/gate/rules.py": ("test_rules",),
    "pipeline/gate/run.py": ("test_session",),
    "pipeline/gate/stage.py": ("test_stage_alone",),
    "pipeline/gate/waivers.py": ("test_waivers",),
    "pipeline/gate/written.py": ("test_vanished",),
    "pipeline/gate/words.py": ("test_words", "test_rule_limit", "test_rule_change"),
}
"""From a module to test files under tests/gate."""

EVERY = "test_every_module"
"""A test file that is about every module."""


def modules(root: Path) -> list[str]:
    """Every module that is mutated; one that has no tests here is named too.

    Raises
    ------
    KeyError
        A module of the gate has no line above.
    """
    found = [
        *("pipeline/params.py", "pipeline/params_gate.py"),
        *("pipeline/verdict.py", "pipeline/verdict_json.py"),
        *(
            path.relative_to(root).as_posix()
            for path in sorted((root / "pipeline/gate").glob("*.py"))
            if path.read_bytes().strip()
        ),
    ]
    absent = [name for name in found if name not in TESTS]
    if absent:
        raise KeyError(f"no tests are named for {', '.join(absent)}")
    return found


def tests(module: str) -> list[str]:
    """The test files that speak for a module, relative to the root."""
    return [
        f"tests/{name[3:]}.py" if name.startswith("../") else f"tests/gate/{name}.py"
        for name in (*TESTS[module], EVERY)
    ]
