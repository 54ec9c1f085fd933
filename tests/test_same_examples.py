"""`make test` draws the same examples each time; `make deep` draws others, and says how again."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[1]


def drawn(profile: str) -> list[float]:
    """The examples that a test draws under a profile of the suite."""
    values: list[float] = []

    @settings(settings.get_profile(profile), max_examples=20)
    @given(st.floats(allow_nan=False))
    def test(value: float) -> None:
        values.append(value)

    test()
    return values


def test_the_suite_draws_the_same_examples_each_time() -> None:
    assert drawn("suite") == drawn("suite")
    assert drawn("deep") != drawn("deep")


def test_make_test_asks_for_no_other_examples() -> None:
    conftest = (ROOT / "tests/conftest.py").read_text("utf-8")
    assert re.findall(r"load_profile\((.*)\)", conftest) == ['"suite"']
    for file in ("scripts/suite.py", ".ci/run", "Makefile"):
        text = (ROOT / file).read_text("utf-8").partition(".PHONY: deep")[0]
        assert "--hypothesis" not in text, file


def test_a_failure_of_make_deep_says_how_to_draw_it_again(tmp_path: Path) -> None:
    law = tmp_path / "test_law.py"
    law.write_text(
        "from hypothesis import given, strategies as st\n\n\n"
        "@given(st.integers())\n"
        "def test_law(value):\n"
        "    assert abs(value) < 100_000\n"
    )
    command = [
        "make",
        "--no-print-directory",
        "deep",
        f"ARGS={law} --rootdir {ROOT} -p tests.conftest",
    ]
    done = subprocess.run(
        [*command, "SEED=7", f"PY={sys.executable}", "--old-file=setup"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "make deep SEED=7 draws these examples again" in done.stderr
    assert "@reproduce_failure" in done.stdout, done.stdout + done.stderr
