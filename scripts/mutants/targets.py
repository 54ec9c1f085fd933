"""Which modules are mutated, and which tests speak for each, the nearest first."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

PACKAGE = "pipeline/assay"

RULES = tuple(f"gate/rules/test_{name}" for name in ("limit", "change", "fairness", "report_rules"))
PYTEST = ("gate/pytest_run/test_plugin", "gate/test_stage")

TESTS: dict[str, tuple[str, ...]] = {
    "project/params/__init__.py": ("project/test_params_bounds", "project/test_params"),
    "project/params/behaviour.py": ("project/test_params_gate", "project/test_params", *RULES),
    "project/document.py": ("project/test_document",),
    "reports/champion.py": ("registry/test_champion", "reports/test_schemas"),
    "reports/comparison.py": (
        "reports/test_comparison",
        "reports/test_reasons",
        "reports/test_schemas",
        "gate/rules/test_change",
        "evaluation/test_compare_stage",
    ),
    "reports/evaluation.py": ("gate/test_evaluation", "reports/test_schemas"),
    "training/leakage/report.py": (
        "training/leakage/test_results",
        "reports/test_schemas",
        "gate/rules/test_report_rules",
        "gate/test_provenance",
    ),
    "reports/raw_rows.py": ("gate/test_raw_rows", "reports/test_schemas"),
    "reports/rehearsal.py": (
        "reports/test_rehearsal",
        "reports/test_rehearsed_nights",
        "evaluation/test_last_nights",
        "reports/test_schemas",
    ),
    "reports/retrain.py": ("monitor/test_status", "reports/test_schemas"),
    "reports/verdict.py": (
        "reports/test_verdict",
        "gate/test_provenance",
        "gate/test_verdict_text",
        "reports/test_schemas",
    ),
    "gate/verdict_verification.py": ("gate/test_verdict_verification",),
    "gate/provenance.py": (
        "gate/test_provenance",
        "gate/test_verdict_verification",
        "gate/test_stage",
    ),
    "hosting/promotion.py": ("hosting/test_merged_promotion", "hosting/test_proposal"),
    "gate/verdict_command.py": ("gate/test_verdict_command", "test_unchanged"),
    "gate/explain.py": ("gate/test_explain",),
    "gate/inputs.py": ("gate/rules/test_evaluate", "gate/pytest_run/test_vanished"),
    "gate/raw_rows.py": ("gate/test_raw_rows",),
    "gate/stage.py": ("gate/test_stage_alone", "gate/test_verdict_command", "gate/test_stage"),
    "gate/unchanged.py": ("test_unchanged",),
    "gate/verdict_page.py": ("gate/test_verdict_page",),
    "gate/verdict_text.py": (
        "gate/test_verdict_text",
        "gate/test_verdict_page",
        "hosting/test_comment_text",
    ),
    "gate/holdout_history.py": ("gate/test_holdout_history",),
    "gate/waivers.py": ("gate/test_waivers",),
    "gate/rules/change.py": ("gate/rules/test_change",),
    "gate/rules/flips.py": (
        "gate/rules/test_flips",
        "gate/rules/test_evaluate",
        "project/test_params_gate",
    ),
    "gate/rules/reasons.py": ("gate/rules/test_reasons",),
    "gate/rules/kind.py": (
        "gate/rules/test_finding",
        "gate/rules/test_kinds",
        "gate/test_explain",
        *RULES,
    ),
    "gate/rules/kinds.py": (
        "gate/rules/test_challengers",
        "gate/rules/test_evaluate",
        "gate/rules/test_kinds",
        "project/test_params_gate",
    ),
    "gate/rules/leakage.py": (
        "gate/rules/test_report_rules",
        "gate/rules/test_model_leakage",
        "gate/rules/test_finding",
    ),
    "gate/rules/one_report.py": ("gate/rules/test_report_rules", "promotion/test_card"),
    "gate/rules/stability.py": ("gate/rules/test_report_rules",),
    "gate/rules/fairness.py": ("gate/rules/test_fairness", "gate/rules/test_fairness_columns"),
    "gate/rules/finding.py": ("gate/rules/test_finding", *RULES),
    "gate/rules/groups.py": ("gate/rules/test_groups", *RULES),
    "gate/rules/limit.py": ("gate/rules/test_limit",),
    "gate/rules/own.py": ("gate/rules/test_own",),
    "gate/pytest_run/decided.py": ("gate/pytest_run/test_asked", *PYTEST),
    "gate/pytest_run/findings.py": (
        "gate/pytest_run/test_findings",
        "gate/pytest_run/test_vanished",
    ),
    "gate/pytest_run/fixtures.py": (
        "gate/pytest_run/test_fixtures",
        "gate/pytest_run/test_plugin",
    ),
    "gate/pytest_run/own_modules.py": (
        "gate/pytest_run/test_isolation",
        "gate/pytest_run/test_vanished",
    ),
    "gate/pytest_run/plugin.py": (
        "gate/pytest_run/test_recorder",
        "gate/pytest_run/test_plugin",
        "gate/pytest_run/test_asked",
        "gate/pytest_run/test_session",
        "gate/pytest_run/test_vanished",
        "gate/test_stage",
    ),
    "gate/pytest_run/record.py": (
        "gate/pytest_run/test_record",
        "gate/pytest_run/test_recorder",
        "gate/pytest_run/test_vanished",
    ),
    "gate/pytest_run/run.py": (
        "gate/pytest_run/test_session",
        "gate/pytest_run/test_vanished",
        "gate/test_stage",
    ),
}
"""From a module of pipeline/assay to test files under tests."""

NEAREST: dict[str, tuple[str, ...]] = {
    "compiled/contributions.py": ("compiled/test_contribution_parts",),
    "compiled/trees/contributions.py": ("compiled/test_contribution_parts",),
    "model/reasons.py": ("score/operations/test_nearest_changes",),
    "performance/estimate/decisions.py": ("performance/estimate/test_score_cells",),
    "score/operations/why.py": (
        "score/operations/test_why_words",
        "score/operations/test_why",
        "score/operations/test_version_before",
    ),
    "score/row_reasons.py": ("score/test_reasons_by_definition",),
}
"""The same of modules outside of the gate, where those that import one would take too long."""

EVERY = "gate/test_every_module"
"""A test file that is about every module."""
FROZEN = "test_frozen"
"""One that is about every module of any room."""


def modules(root: Path) -> list[str]:
    """Every module that is mutated, relative to the root; one without tests above is an error.

    Raises
    ------
    KeyError
        A module of the gate has no line above.
    """
    package = root / PACKAGE
    found = [
        *("project/document.py", "project/params/__init__.py", "project/params/behaviour.py"),
        "hosting/promotion.py",
        "training/leakage/report.py",
        *(
            path.relative_to(package).as_posix()
            for folder in ("reports", "gate", "gate/rules", "gate/pytest_run")
            for path in sorted((package / folder).glob("*.py"))
            if path.name
            not in (
                "__init__.py",
                "incidents.py",
                "night.py",
            )  # in which nothing is decided
        ),
    ]
    absent = [name for name in found if name not in TESTS]
    if absent:
        raise KeyError(f"no tests are named for {', '.join(absent)}")
    return [f"{PACKAGE}/{name}" for name in found]


def room_modules(root: Path, room: str) -> list[str]:
    """The modules of any room that a test imports, relative to the root."""
    found = sorted((root / PACKAGE / room).rglob("*.py"))
    names = [path.relative_to(root).as_posix() for path in found if path.name != "__init__.py"]
    return [name for name in names if tests(name, root)]


def tests(module: str, root: Path = Path()) -> list[str]:
    """The test files that speak for a module, all relative to the root.

    Those that are named above, else those that import it; of many the ones in its room's folder,
    the one of its own name first, and `FROZEN` last.
    """
    name = module.removeprefix(f"{PACKAGE}/")
    own = (*TESTS[name], EVERY) if name in TESTS else (*NEAREST.get(name, ()), FROZEN)
    if len(own) > 1:
        return [f"tests/{each}.py" for each in dict.fromkeys(own)]
    parts = Path(module).with_suffix("").parts[1:]
    importing = [file for file, names in _imports(root).items() if ".".join(parts) in names]
    near = [file for file in importing if file.startswith(f"tests/{parts[1]}/")]
    nearest = sorted(near or importing, key=lambda file: Path(file).stem != f"test_{parts[-1]}")
    return [*nearest, f"tests/{FROZEN}.py"] if nearest else []


@cache
def _imports(root: Path) -> dict[str, frozenset[str]]:
    """What each test file imports, by its path relative to the root."""
    found = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        found[path.relative_to(root).as_posix()] = frozenset(names)
    return found
