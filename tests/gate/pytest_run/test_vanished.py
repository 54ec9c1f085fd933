"""No model test vanishes: what is written is collected, and counted beside the champion's."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from assay.errors import GateNotPassed
from assay.gate import verdict_command, verdict_text
from assay.gate.pytest_run import run
from assay.gate.pytest_run.run import run_pytest
from assay.gate.stage import MARKDOWN
from assay.project import layout
from assay.reports.champion import StageHolder
from assay.reports.verdict import ModelTests, Outcome
from tests.gate import build
from tests.gate.test_stage import IT, judge, outcomes


@pytest.mark.parametrize("text", ["", "import pytest\npytest.skip('x', allow_module_level=True)\n"])
def test_a_folder_without_a_test_fails_and_rules_still_run(tiny: Any, text: str) -> None:
    tiny.write(IT, text)
    verdict = judge(tiny, Outcome.FAIL)
    found = outcomes(verdict)
    assert found["tests/model"] == "FAIL"
    assert found["ranks late ones first"] == "PASS"
    assert verdict.tests == ModelTests(collected=0, ran=0)


def test_the_verdict_counts_the_model_tests(tiny: Any) -> None:
    tiny.write(IT, "import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip('no')\n")
    assert judge(tiny, Outcome.INCONCLUSIVE).tests == ModelTests(collected=2, ran=1)


SETTINGS = """
[pytest]
python_functions = check_*
python_files = check_*.py
python_classes = Check*
norecursedirs = model
addopts = --ignore=tests/model -p no:python
collect_imported_tests = false
"""


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("pytest.ini", SETTINGS),
        ("pyproject.toml", '[tool.pytest.ini_options]\npython_functions = ["check_*"]\n'),
    ],
)
def test_no_setting_of_the_project_makes_a_test_vanish(tiny: Any, name: str, settings: str) -> None:
    tiny.write(IT, "def test_a(): pass\nclass TestB:\n    def test_c(self): pass\n")
    tiny.write(name, settings)
    found = run_pytest(tiny.root, "tests/model", ()).seen
    assert found.tests == [f"{IT}::TestB::test_c", f"{IT}::test_a"]
    assert {found.outcomes[node] for node in found.tests} == {"passed"}


A = "tests/model/test_a.py"
VANISHING = {
    "tests/model/late_tests.py": "def test_1(): assert False\n",
    "tests/model/.old/test_b.py": "def test_2(): pass\n",
    "tests/model/test_c.py": "__test__ = False\ndef test_3(): pass\n",
    "tests/model/test_d.py": "def test_4(): pass\n",
    "tests/model/conftest.py": "collect_ignore = ['test_d.py']\ndef test_5(): pass\n",
    "tests/model/broken.py": "def test_6(:\n",
    A: """
import functools
import pytest
class Late:
    def test_7(self): pass
class TestInit:
    def __init__(self): pass
    def test_8(self): pass
def test_9(): assert False
def test_9(): pass
if False:
    def test_10(): pass
""",
}
LOST = [
    "tests/model/.old/test_b.py::test_2",
    "tests/model/broken.py",
    "tests/model/conftest.py",
    "tests/model/late_tests.py",
    *(f"{A}::{name}" for name in ("Late::test_7", "TestInit::test_8", "test_10", "test_9")),
    "tests/model/test_c.py::test_3",
    "tests/model/test_d.py::test_4",
]
KEPT = """
import functools
import pytest
from hypothesis import given, settings, strategies as st
class Base:
    def test_1(self): pass
class TestInherits(Base):
    class TestWithin:
        async_ = 1
        def test_2(self): pass
def passed_on(function):
    @functools.wraps(function)
    def called(*given, **named): return function(*given, **named)
    return called
def hidden(function):
    return lambda: function()
@passed_on
def test_3(): pass
@hidden
def test_4(): pass
@pytest.mark.parametrize("x", ["a::b", "[c]"])
def test_5(x): pass
@settings(max_examples=1, database=None)
@given(st.none())
def test_6(x): pass
@pytest.fixture
def test_7(): return 1
@pytest.fixture(scope="session")
def test_8(): return 1
if True:
    def test_9(test_7, test_8): pass
else:
    def test_9(): pass
import unittest
class Late(unittest.TestCase):
    def test_10(self): pass
"""


def test_tests_that_vanish_fail_and_are_named(tiny: Any) -> None:
    for name, text in VANISHING.items():
        tiny.write(name, text)
    verdict = judge(tiny, Outcome.FAIL)
    bad = {each.rule: each.detail for each in verdict.blocking}
    assert sorted(bad) == LOST
    assert bad.pop(f"{A}::test_9") == "line 9: line 10 defines it again, so it never runs"
    assert bad["tests/model/late_tests.py"] == (
        "holds test_1, and pytest did not collect it: a file of tests is called test_*.py or "
        "*_test.py; if they are no tests, do not call them test..."
    )
    assert all("not collect" in detail for detail in bad.values())


def test_tests_of_every_form_are_found_where_they_stand(tiny: Any) -> None:
    tiny.write(IT, KEPT)
    tiny.write("tests/model/shared.py", "class Shared:\n    def test_11(self): pass\n")
    tiny.write("tests/model/late_test.py", "from shared import Shared\nclass TestA(Shared): pass\n")
    verdict = judge(tiny, Outcome.PASS)
    assert verdict.tests == ModelTests(collected=10, ran=10)


def champion_was_held_to(tiny: Any, tests: int, bundle: str = "sha256:a") -> None:
    """The stage is held by a commit whose verdict rests on so many model tests."""
    found = judge(tiny, Outcome.PASS)
    passed = next(each for each in found.findings if each.kind == "test")
    several = [build.changed(passed, rule=f"{IT}::test_{number}") for number in range(tests)]
    rules = [each for each in found.findings if each.kind == "rule"]
    old = build.changed(found, bundle="sha256:a", findings=(*rules, *several))
    tiny.write(layout.VERDICT, old.text())
    for each in (["init", "-q"], ["add", "-f", layout.VERDICT], ["commit", "-qm", "old"]):
        subprocess.run(["git", *each], cwd=tiny.root, check=True)
    told = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=tiny.root, check=True, capture_output=True, text=True
    )
    held = StageHolder(
        state="found", stage="prod", version="v0.1.0", commit=told.stdout.strip(), bundle=bundle
    )
    held.write(tiny.root)
    champion = {"version": "v0.1.0", "bundle": bundle}
    tiny.comparison(build.comparison(build.difference(0.1)), champion=champion)


def test_fewer_tests_than_the_champions_are_told(tiny: Any) -> None:
    champion_was_held_to(tiny, 3)
    verdict = judge(tiny, Outcome.PASS)
    assert verdict.tests == ModelTests(collected=1, ran=1, champion=3)
    (told,) = [each for each in verdict.findings if each.rule == "tests/model"]
    assert (told.outcome, told.exemption_reason) == (Outcome.FAIL, "warning")
    assert told.detail == (
        "fewer model tests than the champion v0.1.0 was held to: 1 instead of 3; "
        f"gone: {IT}::test_0, {IT}::test_1, {IT}::test_2"
    )
    shown = (tiny.root / MARKDOWN).read_text(encoding="utf-8").replace("\\", "")
    assert told.detail in shown


def test_as_many_tests_are_no_finding(tiny: Any) -> None:
    champion_was_held_to(tiny, 1)
    verdict = judge(tiny, Outcome.PASS)
    assert verdict.tests == ModelTests(collected=1, ran=1, champion=1)
    assert "tests/model" not in outcomes(verdict)


def test_whoever_asks_the_verdict_counts_the_champions_tests_again(tiny: Any) -> None:
    champion_was_held_to(tiny, 3)
    verdict = judge(tiny, Outcome.PASS)
    assert verdict_command.run(tiny.root, tiny.params) == verdict
    assert verdict.tests is not None
    quiet = tuple(each for each in verdict.findings if each.rule != "tests/model")
    for bent, line in (
        (
            build.changed(verdict, tests=build.changed(verdict.tests, champion=1)),
            "tests.champion is 1 in it",
        ),
        (build.changed(verdict, findings=quiet), "it does not warn of 1 model tests"),
    ):
        tiny.write(layout.VERDICT, bent.text())
        tiny.write(MARKDOWN, verdict_text.render_markdown(bent))
        with pytest.raises(GateNotPassed, match=line):
            verdict_command.run(tiny.root, tiny.params)


def test_a_verdict_about_another_bundle_is_not_the_champions(tiny: Any) -> None:
    champion_was_held_to(tiny, 3, bundle="sha256:b")
    assert judge(tiny, Outcome.PASS).tests == ModelTests(collected=1, ran=1, champion=None)


ROUNDS = {
    "pytest_runtest_makereport": """
import pytest
@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.outcome = "passed"
    return report
""",
    "pytest_pyfunc_call": "def pytest_pyfunc_call(pyfuncitem): return True\n",
    "pytest_collection_modifyitems": """
def pytest_collection_modifyitems(items):
    for item in items:
        item.obj = lambda: None
""",
}


@pytest.mark.parametrize("hook", ROUNDS)
def test_a_conftest_that_decides_what_a_test_comes_to_fails(tiny: Any, hook: str) -> None:
    tiny.write(IT, "def test_no(): assert False\n")
    tiny.write("tests/model/conftest.py", ROUNDS[hook])
    verdict = judge(tiny, Outcome.FAIL)
    assert outcomes(verdict)["tests/model/conftest.py"] == "FAIL"
    (found,) = (each for each in verdict.findings if each.rule == "tests/model/conftest.py")
    assert hook in found.detail


def test_what_a_fixture_registers_is_seen_too(tiny: Any) -> None:
    tiny.write(IT, "def test_no(helped): assert False\n")
    tiny.write(
        "tests/model/conftest.py",
        """
import pytest
class Kind:
    def pytest_runtest_logreport(self, report):
        report.outcome = "passed"
@pytest.fixture
def helped(request):
    request.config.pluginmanager.register(Kind())
""",
    )
    assert outcomes(judge(tiny, Outcome.FAIL))["tests/model/conftest.py"] == "FAIL"


def test_fixtures_and_hooks_that_decide_nothing_are_welcome(tiny: Any) -> None:
    tiny.write(IT, "def test_a(number): assert number\n")
    tiny.write(
        "tests/model/conftest.py",
        "def pytest_generate_tests(metafunc): metafunc.parametrize('number', [1, 2])\n",
    )
    seen = run_pytest(tiny.root, "tests/model", ()).seen
    assert (seen.hooks, len(seen.tests)) == ({}, 2)


def test_a_test_that_hangs_fails_and_is_named(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "TIMEOUT_SECONDS", 15.0)
    tiny.write(IT, "import time\ndef test_long(): time.sleep(900)\n")
    session = run_pytest(tiny.root, "tests/model", ())
    told = f"did not end within 0.25 minutes; the last test that began was {IT}::test_long"
    assert told in str(session.crash)
