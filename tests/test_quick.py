"""`make quick` chooses the tests that a change touches."""

from __future__ import annotations

from scripts.quick import ALWAYS, MOST_IMPORTERS, chosen

TESTS = {
    "tests/gate/rules/test_limit.py": "",
    "tests/gate/test_judge.py": "from assay.gate.rules import change, limit\n",
    "tests/metrics/test_catalogue.py": "from assay.gate.rules.limit import Limit\n",
    "tests/store/test_log.py": "from assay.gate.rules.limits import other\n",
    "tests/store/test_publish.py": "from assay.store import Store\n",
    "tests/test_own.py": 'PAGE = "docs/own-code.md"\n',
    "tests/test_site.py": "from scripts import site\n",
    "tests/test_readme.py": "",
    **dict.fromkeys(ALWAYS, ""),
}


def test_its_own_tests_come_first_then_those_that_import_it() -> None:
    assert chosen(["pipeline/assay/gate/rules/limit.py"], TESTS) == [
        "tests/gate/rules/test_limit.py",
        "tests/gate/test_judge.py",
        "tests/metrics/test_catalogue.py",
        *ALWAYS,
    ]


def test_changed_tests_and_pages_are_tried() -> None:
    changed = ["README.md", "tests/store/test_log.py", "tests/gone/test_gone.py"]
    read = ["tests/test_site.py", "tests/test_readme.py"]
    assert chosen(changed, TESTS) == ["tests/store/test_log.py", *read, *ALWAYS]


def test_a_page_is_tried_by_the_tests_that_name_it() -> None:
    found = chosen(["docs/own-code.md"], TESTS)
    assert found == ["tests/test_own.py", "tests/test_site.py", *ALWAYS]


def test_a_module_that_no_test_imports_is_tried_by_those_of_its_folder() -> None:
    found = chosen(["pipeline/assay/store/store.py"], TESTS)
    assert found == ["tests/store/test_log.py", "tests/store/test_publish.py", *ALWAYS]


def test_a_script_is_tried_by_its_tests() -> None:
    assert chosen(["scripts/site.py"], TESTS) == ["tests/test_site.py", *ALWAYS]


def test_what_everybody_imports_is_tried_by_a_few() -> None:
    many = {f"tests/gate/test_{number}.py": "import assay.errors.base\n" for number in range(99)}
    assert len(chosen(["pipeline/assay/errors/base.py"], many)) == MOST_IMPORTERS
