"""Which modules are mutated, and which tests speak for each, the nearest first."""

from __future__ import annotations

from pathlib import Path

PACKAGE = "pipeline/assay"

RULES = tuple(f"gate/rules/test_{name}" for name in ("limit", "change", "fairness", "report_rules"))
PYTEST = ("gate/under_pytest/test_plugin", "gate/test_stage")

TESTS: dict[str, tuple[str, ...]] = {
    "project/params/__init__.py": ("project/test_params_bounds", "project/test_params"),
    "project/params/gate.py": ("project/test_params_gate", "project/test_params", *RULES),
    "project/document.py": ("project/test_document",),
    "reports/champion.py": ("registry/test_champion", "reports/test_schemas"),
    "reports/comparison.py": (
        "evaluation/compare/test_results",
        "reports/test_schemas",
        "gate/rules/test_change",
        "evaluation/compare/test_stage",
    ),
    "reports/evaluation.py": ("gate/test_evaluation", "reports/test_schemas"),
    "reports/leakage.py": (
        "training/leakage/test_results",
        "reports/test_schemas",
        "gate/rules/test_report_rules",
        "gate/test_binding",
    ),
    "reports/rehearsal.py": ("evaluation/rehearse/test_results", "reports/test_schemas"),
    "reports/selection.py": ("training/train/test_train", "reports/test_schemas"),
    "reports/verdict.py": (
        "reports/test_verdict",
        "gate/test_binding",
        "gate/test_verdict_text",
        "reports/test_schemas",
    ),
    "gate/recheck.py": ("gate/test_recheck",),
    "gate/backtest.py": ("gate/test_backtest",),
    "gate/binding.py": ("gate/test_binding", "gate/test_recheck", "gate/test_stage"),
    "gate/champion_verdict.py": ("gate/under_pytest/test_vanished",),
    "gate/command.py": ("gate/test_command",),
    "gate/explain.py": ("gate/test_explain",),
    "gate/inputs.py": ("gate/rules/test_decide",),
    "gate/promotion.py": ("registry/test_promote",),
    "gate/stage.py": ("gate/test_stage_alone", "gate/test_command", "gate/test_stage"),
    "gate/verdict_page.py": ("gate/test_verdict_page",),
    "gate/verdict_text.py": ("gate/test_verdict_text", "gate/test_verdict_page"),
    "gate/waivers.py": ("gate/test_waivers",),
    "gate/rules/change.py": ("gate/rules/test_change",),
    "gate/rules/decide.py": ("gate/rules/test_decide",),
    "gate/rules/fairness.py": ("gate/rules/test_fairness",),
    "gate/rules/finding.py": RULES,
    "gate/rules/groups.py": ("gate/rules/test_groups", *RULES),
    "gate/rules/limit.py": ("gate/rules/test_limit",),
    "gate/rules/places.py": RULES,
    "gate/rules/report_rules.py": ("gate/rules/test_report_rules",),
    "gate/rules/words.py": (
        "gate/rules/test_words",
        "gate/rules/test_limit",
        "gate/rules/test_change",
    ),
    "gate/under_pytest/behaviours.py": ("gate/under_pytest/test_asked",),
    "gate/under_pytest/decided.py": ("gate/under_pytest/test_asked", "gate/test_stage"),
    "gate/under_pytest/findings.py": (
        "gate/under_pytest/test_findings",
        "gate/under_pytest/test_vanished",
    ),
    "gate/under_pytest/fixtures.py": ("gate/under_pytest/test_fixtures",),
    "gate/under_pytest/items.py": (
        "gate/under_pytest/test_items",
        "gate/under_pytest/test_recorder",
        "gate/under_pytest/test_asked",
        *PYTEST,
    ),
    "gate/under_pytest/plugin.py": (
        "gate/under_pytest/test_recorder",
        "gate/under_pytest/test_plugin",
        "gate/under_pytest/test_asked",
        "gate/under_pytest/test_session",
        "gate/under_pytest/test_vanished",
        "gate/test_stage",
    ),
    "gate/under_pytest/project.py": (
        "gate/under_pytest/test_project",
        "gate/under_pytest/test_plugin",
    ),
    "gate/under_pytest/record.py": (
        "gate/under_pytest/test_record",
        "gate/under_pytest/test_recorder",
        "gate/under_pytest/test_vanished",
    ),
    "gate/under_pytest/run.py": (
        "gate/under_pytest/test_session",
        "gate/under_pytest/test_vanished",
        "gate/test_stage",
    ),
    "gate/under_pytest/declared_tests.py": ("gate/under_pytest/test_vanished",),
}
"""From a module of pipeline/assay to test files under tests."""

EVERY = "gate/test_every_module"
"""A test file that is about every module."""


def modules(root: Path) -> list[str]:
    """Every module that is mutated, relative to the root; one without tests above is an error.

    Raises
    ------
    KeyError
        A module of the gate has no line above.
    """
    package = root / PACKAGE
    found = [
        *("project/document.py", "project/params/__init__.py", "project/params/gate.py"),
        *(
            path.relative_to(package).as_posix()
            for folder in ("reports", "gate", "gate/rules", "gate/under_pytest")
            for path in sorted((package / folder).glob("*.py"))
            if path.name
            not in (
                "__init__.py",
                "estimates.py",
                "incidents.py",
                "night.py",
                "status.py",
            )  # in which nothing is decided
        ),
    ]
    absent = [name for name in found if name not in TESTS]
    if absent:
        raise KeyError(f"no tests are named for {', '.join(absent)}")
    return [f"{PACKAGE}/{name}" for name in found]


def tests(module: str) -> list[str]:
    """The test files that speak for a module, all relative to the root."""
    own = TESTS[module.removeprefix(f"{PACKAGE}/")]
    return [f"tests/{name}.py" for name in dict.fromkeys((*own, EVERY))]
