"""What the plugin writes down for the gate, of a session in this very process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.gate.pytest_run import record
from assay.gate.pytest_run.record import PytestRecord, Uncollected
from assay.reports.champion import StageHolder

IT = "tests/model/test_it.py"
RULES = (
    "params.yaml::ranks late ones first",
    "params.yaml::no place is left behind[place=east]",
    "params.yaml::no place is left behind[place=west]",
)
WAIVER = '{{rule: "{rule}", because: a fix is coming, owner: us, until: "{until}"}}'


@pytest.fixture
def seen(run: Any, tiny: Any) -> Any:
    """Run these tests and what params.yaml asks; what the plugin left."""
    target = tiny.root / "seen.json"

    def go(text: str, *arguments: str, name: str = IT) -> PytestRecord:
        tiny.write(name, text)
        options = ("-o", "xfail_strict=true", f"--assay-findings={target.name}")
        run(*options, "tests/model", *arguments)
        return record.read_record(target)

    return go


MANY = """
import pytest

def test_passes(): pass
def test_fails(): assert 1 == 2, "one is not two"
def test_raises(): raise KeyError("x")
def test_skips(): pytest.skip("no data")
def test_gives_up(): pytest.xfail("known")
@pytest.mark.skip
def test_marked_skip(): pass
@pytest.mark.parametrize("x", [])
def test_over_nothing(x): pass
@pytest.mark.xfail(reason="old")
def test_xfail_fails(): assert False
@pytest.mark.xfail
def test_xfail_passes(): pass
@pytest.mark.xfail(strict=False, reason="may pass")
def test_lax_xfail_passes(): pass
@pytest.fixture
def before(): raise OSError("gone")
def test_setup(before): pass
@pytest.fixture
def after():
    yield
    raise OSError("late")
def test_teardown(after): pass
def test_native(native): pass
"""
OUTCOMES = {
    "test_passes": ("passed", ""),
    "test_fails": ("failed", "AssertionError: one is not two"),
    "test_raises": ("failed", "KeyError: 'x'"),
    "test_skips": ("skipped", "Skipped: no data"),
    "test_gives_up": ("xfailed", "known"),
    "test_marked_skip": ("skipped", "Skipped: unconditional skip"),
    "test_over_nothing[NOTSET]": ("skipped", "Skipped: got empty parameter set for (x)"),
    "test_xfail_fails": ("xfailed", "old"),
    "test_xfail_passes": ("failed", "[XPASS(strict)]"),
    "test_lax_xfail_passes": ("xpassed", ""),
    "test_setup": ("error", "OSError: gone"),
    "test_teardown": ("error", "OSError: late"),
    "test_native": ("error", "fixture 'native' not found"),
}


def test_every_outcome_is_told_apart_with_its_detail(seen: Any, tiny: Any) -> None:
    found = seen(MANY)
    tests = [f"{IT}::{name}" for name in OUTCOMES]
    assert found.collected == [*tests, *RULES]
    assert {node: found.outcomes[node] for node in tests} == {
        f"{IT}::{name}": outcome for name, (outcome, _) in OUTCOMES.items()
    }
    details = {name: found.details[f"{IT}::{name}"] for name in OUTCOMES}
    for name, detail in details.items():
        assert detail == OUTCOMES[name][1], name
    assert found.uncollected == {}
    assert found.policy == list(RULES)
    assert {found.outcomes[node] for node in RULES} == {"passed"}


def test_a_test_that_was_only_set_up_has_no_outcome(seen: Any) -> None:
    found = seen("import pytest\ndef test_a(): pytest.exit('enough')\n")
    assert found.collected[0] == f"{IT}::test_a"
    assert f"{IT}::test_a" not in found.outcomes


def test_tests_that_a_champion_is_missing_for_are_told_apart(seen: Any, tiny: Any) -> None:
    StageHolder(stage="prod", state="none", why="nobody was promoted").write(tiny.root)
    mark = "@pytest.mark.skip\n"
    names = "".join(f"def test_{name}(champion): pass\n" for name in "ab")
    found = seen(f"import pytest\n{names}{mark}def test_c(champion): pass\n")
    assert found.without_champion == [f"{IT}::test_a", f"{IT}::test_b"]
    assert {found.outcomes[f"{IT}::test_{name}"] for name in "abc"} == {"skipped"}


def test_what_cannot_be_collected_is_told(seen: Any) -> None:
    found = seen("import nowhere_at_all\n", "--continue-on-collection-errors")
    assert list(found.uncollected) == [IT]
    assert found.uncollected[IT].detail == "ModuleNotFoundError: No module named 'nowhere_at_all'"
    found = seen("import pytest\npytest.skip('not today', allow_module_level=True)\n")
    assert found.uncollected[IT] == Uncollected(True, "Skipped: not today")
    found = seen("def f(:\n", "--continue-on-collection-errors")
    assert found.uncollected[IT] == Uncollected(False, "SyntaxError: invalid syntax")


def test_details_do_not_name_this_machine(seen: Any, tiny: Any) -> None:
    body = f"def test_a(): raise ValueError('see {tiny.root}/data/x.csv')\n"
    assert seen(body).details[f"{IT}::test_a"] == "ValueError: see data/x.csv"


def test_a_rule_that_does_not_pass_is_recorded_as_it_was_decided(seen: Any, tiny: Any) -> None:
    tiny.evaluation(metrics={"auc": {"value": 0.1, "low": 0.1, "high": 0.1}})
    found = seen("def test_a(): pass\n")
    assert found.outcomes[RULES[0]] == "failed"
    assert found.details[RULES[0]] == "owner: us"  # a rule's own words are in its finding
    assert RULES[0] in found.policy


def test_without_the_option_nothing_is_written(run: Any, tiny: Any) -> None:
    before = {path for path in tiny.root.rglob("*") if "__pycache__" not in path.parts}
    run("params.yaml")
    after = {path for path in tiny.root.rglob("*") if "__pycache__" not in path.parts}
    assert after == before


def test_a_folder_that_a_test_moves_to_does_not_move_the_record(seen: Any) -> None:
    found = seen("def test_a(monkeypatch, tmp_path):\n    import os; os.chdir(tmp_path)\n")
    assert found.outcomes[f"{IT}::test_a"] == "passed"


def waive(tiny: Any, rule: str, until: str) -> None:
    tiny.policy(waivers=f"[{WAIVER.format(rule=rule, until=until)}]")


@pytest.mark.parametrize(
    ("rule", "until", "outcome"),
    [
        (f"{IT}::test_a", "2999-01-01", "xfailed"),
        (f"{IT}::test_a", "1999-01-01", "failed"),
        (f"{IT}::test_b", "2999-01-01", "failed"),
    ],
)
def test_a_waived_test_runs_and_does_not_fail(
    seen: Any, tiny: Any, rule: str, until: str, outcome: str
) -> None:
    waive(tiny, rule, until)
    found = seen("def test_a(): assert False\ndef test_b(): pass\n")
    assert found.outcomes[f"{IT}::test_a"] == outcome
    if outcome == "xfailed":
        assert found.details[f"{IT}::test_a"] == f"waived until {until}: a fix is coming"


def test_a_waived_test_may_pass(seen: Any, tiny: Any) -> None:
    waive(tiny, f"{IT}::test_a", "2999-01-01")
    assert seen("def test_a(): pass\n").outcomes[f"{IT}::test_a"] == "xpassed"


def test_one_expired_waiver_does_not_hide_another(seen: Any, tiny: Any) -> None:
    listed = ", ".join(
        WAIVER.format(rule=f"{IT}::test_{name}", until=until)
        for name, until in (("a", "1999-01-01"), ("b", "2999-01-01"))
    )
    tiny.policy(waivers=f"[{listed}]")
    found = seen("def test_a(): assert False\ndef test_b(): assert False\n")
    assert found.outcomes[f"{IT}::test_a"] == "failed"
    assert found.outcomes[f"{IT}::test_b"] == "xfailed"


def test_a_waived_rule_is_seen_and_stops_nobody(seen: Any, tiny: Any) -> None:
    tiny.evaluation(metrics={"auc": {"value": 0.1, "low": 0.1, "high": 0.1}})
    waive(tiny, "ranks late ones first", "2999-01-01")
    found = seen("def test_a(): pass\n")
    assert found.outcomes[RULES[0]] == "xfailed"
    assert found.details[RULES[0]].startswith("waived until 2999-01-01: FAIL: auc 0.1")


def test_last_lines() -> None:
    from assay.gate.pytest_run.plugin import _last_line

    assert _last_line("a\nE   b\n\n") == "b"
    assert _last_line("") == ""
    assert _last_line(" \n") == ""


def test_the_option_is_documented(run: Any) -> None:
    result = run("--help")
    result.stdout.fnmatch_lines(
        ["assay:", "*--assay-findings=FILE*", "*write what each gate rule*"]
    )


def test_a_record_lies_where_it_was_asked_for(run: Any, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.json"
    run(f"--assay-findings={target}", "params.yaml")
    assert record.read_record(target).collected == list(RULES)


SHORT = """
import pytest

@pytest.fixture
def table(): raise RuntimeError("Failed to launch worker thread: Resource temporarily unavailable")
def test_reads(table): pass
def test_holds(): raise MemoryError
"""


def test_memory_that_does_not_suffice_is_told_apart(seen: Any) -> None:
    told = seen(SHORT).short_of_memory
    assert told.startswith(f"{IT}::test_reads: Failed to launch worker thread")
    assert seen(MANY).short_of_memory == ""
    caught = "import pytest\ndef test_it():\n    with pytest.raises(MemoryError): raise MemoryError"
    assert seen(caught).short_of_memory == ""
    assert seen("def test_it(): raise MemoryError").short_of_memory == f"{IT}::test_it: MemoryError"
