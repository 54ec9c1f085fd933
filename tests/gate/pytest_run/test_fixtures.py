"""The fixtures of model tests, over a model that was never trained."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from assay.errors import BundleMissing, SchemaMismatch
from assay.gate.pytest_run import decided
from assay.metrics import slices
from assay.model import bundle, holdout
from assay.project import layout
from assay.reports.champion import StageHolder
from assay.reports.evaluation import Evaluation

FRAME = pd.DataFrame({"place": ["east"] * 300 + ["west"] * 200 + ["north"] * 199})
NAMES = ("assay_project", "policy", "evaluation", "bundle", "model", "champion", "score")
ALL = (*NAMES, "holdout", "reference", "slices")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand-ins for what would load a real model; which of them were called."""
    made: list[str] = []
    fake = SimpleNamespace(
        manifest=SimpleNamespace(slices=("place",)), sample=lambda: made.append("sample") or "rows"
    )

    def load(folder: Any, *, expected: Any, allow_types: Any, code: Any) -> Any:
        made.append(f"load {folder.name} {expected} {','.join(allow_types)}")
        return fake

    def read(root: Any) -> Any:
        made.append("holdout")
        return FRAME

    def scoring(root: Any, params: Any, given: Any) -> Any:
        made.append(f"score {params.name} {given is fake}")
        return "scoring"

    monkeypatch.setattr(bundle, "load", load)
    monkeypatch.setattr(holdout, "read", read)
    monkeypatch.setattr(decided, "make_score_function", scoring)
    return made


@pytest.fixture
def go(run: Any, tiny: Any, calls: list[str]) -> Any:
    """Run the body of two tests with some fixtures in the tiny project, without its rules."""
    text = (tiny.root / layout.PARAMS).read_text()
    tiny.write(layout.PARAMS, text + "bundle: {allow_types: [a.B]}\n")

    def called(names: str, *body: str, where: str = "tests/model") -> pytest.RunResult:
        inner = "".join(f"    {line}\n" for line in body or ("pass",))
        tests = (f"def test_{name}({names}):\n{inner}" for name in ("one", "two"))
        tiny.write(f"{where}/test_it.py", "\n".join(tests))
        return run("-rs", f"{where}/test_it.py", "-k", "test_it")  # type: ignore[no-any-return]

    return called


def leave_champion(tiny: Any, **facts: Any) -> None:
    held = StageHolder(stage="prod", **facts)
    held.write(tiny.root)


def test_every_fixture_gives_what_it_says_and_is_made_once(
    go: Any, tiny: Any, calls: list[str]
) -> None:
    leave_champion(tiny, state="found", version="v1.0.0", commit="c", bundle="sha256:a")
    go(
        ", ".join(ALL),
        "assert assay_project.params.name == 'tiny'",
        f"assert str(assay_project.root) == {str(tiny.root)!r}",
        "assert [each.name for each in policy.rules] == "
        "[each.name for each in assay_project.params.gate.rules]",
        "assert evaluation.rows == 600",
        "assert model is bundle",
        "assert champion is bundle  # the stand-in gives the same one",
        "assert score == 'scoring'",
        "assert len(holdout) == 699",
        "assert reference == 'rows'",
        "assert {title: len(rows) for title, rows in slices.items()} == {",
        "    'place=east': 300, 'place=west': 200}",
        "assert set(slices['place=west']['place']) == {'west'}",
    ).assert_outcomes(passed=2, deselected=3)
    assert sorted(calls) == [
        *("holdout", "load bundle None a.B", "load bundle sha256:a a.B"),
        *("sample", "score tiny True"),
    ]


@pytest.mark.parametrize("name", ["bundle", "model", "score", "reference", "slices"])
def test_without_a_bundle_they_fail_in_one_line(
    go: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def load(*given: Any, **asked: Any) -> Any:
        raise BundleMissing("there is no bundle here", where="models/bundle")

    monkeypatch.setattr(bundle, "load", load)
    result = go(name)
    result.assert_outcomes(errors=2, deselected=3)
    result.stdout.fnmatch_lines(["*models/bundle: there is no bundle here*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def broken(*given: Any) -> Any:
    raise SchemaMismatch(["it is broken"])


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("evaluation", (Evaluation, "read")),
        ("holdout", (holdout, "read")),
        ("score", (decided, "make_score_function")),
        ("champion", (decided, "load_champion")),
        ("slices", (slices, "iter_slices")),
    ],
)
def test_what_cannot_be_had_fails_in_one_line(
    go: Any, monkeypatch: pytest.MonkeyPatch, name: str, place: tuple[Any, str]
) -> None:
    monkeypatch.setattr(*place, broken)
    result = go(name)
    result.assert_outcomes(errors=2, deselected=3)
    result.stdout.fnmatch_lines(["it is broken"])
    result.stdout.no_fnmatch_line("*raise SchemaMismatch*")


def test_a_sample_that_cannot_be_read_fails_in_one_line(
    go: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "load", lambda *given, **asked: SimpleNamespace(sample=broken))
    result = go("reference")
    result.assert_outcomes(errors=2, deselected=3)
    result.stdout.no_fnmatch_line("*raise SchemaMismatch*")


def test_no_champion_skips_with_the_reason(go: Any, tiny: Any) -> None:
    leave_champion(tiny, state="none", why="nobody was promoted")
    result = go("champion")
    result.assert_outcomes(skipped=2, deselected=3)
    result.stdout.fnmatch_lines(["*no champion yet: nobody was promoted*"])


def test_slices_of_nothing_fail(go: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdout, "read", lambda root: FRAME[FRAME["place"] == "north"])
    result = go("slices")
    result.assert_outcomes(errors=2, deselected=3)
    result.stdout.fnmatch_lines(["*no slice has 200 rows*"])
    result.stdout.no_fnmatch_line("*def slices*")


def test_pairs_of_fields_are_slices_too(go: Any, tiny: Any, monkeypatch: Any) -> None:
    frame = pd.DataFrame({"place": ["east"] * 300, "day": ["monday"] * 300})
    monkeypatch.setattr(holdout, "read", lambda root: frame)
    text = (tiny.root / layout.PARAMS).read_text()
    tiny.write(layout.PARAMS, text + "evaluate: {pairs: [[place, day]]}\n")
    go(
        "slices", "assert list(slices) == ['place=east', 'place & day=east & monday']"
    ).assert_outcomes(passed=2, deselected=3)


def test_elsewhere_in_a_project_they_are_about_it_too(go: Any) -> None:
    result = go("assay_project", "assert assay_project.params.name == 'tiny'", where="other")
    result.assert_outcomes(passed=2)


def test_the_nearest_project_counts(tiny: Any, session_in: Any) -> None:
    """From a folder below the root that has a params.yaml of somebody else."""
    tiny.write("sub/params.yaml", "lr: 0.1\n")
    tiny.write("sub/test_it.py", "def test_a(assay_project): assert assay_project.params.seed == 1")
    session_in(tiny.root / "sub", "test_it.py").assert_outcomes(passed=1)


def test_of_two_projects_one_within_the_other_the_inner_counts(tiny: Any, session_in: Any) -> None:
    inner = (tiny.root / layout.PARAMS).read_text().replace("seed: 1", "seed: 2")
    tiny.write("sub/params.yaml", inner)
    tiny.write("sub/test_it.py", "def test_a(assay_project): assert assay_project.params.seed == 2")
    session_in(tiny.root / "sub", "test_it.py").assert_outcomes(passed=1)


def test_fixtures_of_a_session_may_be_built_on_them(go: Any, tiny: Any) -> None:
    leave_champion(tiny, state="found", version="v1.0.0", commit="c", bundle="sha256:a")
    asked = ", ".join(ALL)
    tiny.write(
        "tests/model/conftest.py",
        f"import pytest\n@pytest.fixture(scope='session')\ndef mine({asked}): return policy\n",
    )
    go("mine", "assert mine.names").assert_outcomes(passed=2, deselected=3)


def test_without_a_project_they_fail_and_say_where_they_looked(
    pytester: pytest.Pytester, session_in: Any
) -> None:
    pytester.makepyfile("def test_a(policy): pass")
    result = session_in(pytester.path)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*no project with params.yaml at or above {pytester.path}*"])
    result.stdout.no_fnmatch_line("*def assay_project*")


def test_two_projects_at_once_are_too_many(tiny: Any, run: Any) -> None:
    for name in ("one", "two"):
        folder = f"both/{name}"
        tiny.write(f"{folder}/params.yaml", (tiny.root / layout.PARAMS).read_text())
        tiny.write(f"{folder}/tests/model/test_{name}.py", "def test_a(policy): pass\n")
    result = run("both/one/tests/model", "both/two/tests/model", "-k", "test_a")
    result.assert_outcomes(errors=2, deselected=4)
    result.stdout.fnmatch_lines(["*tests of several projects at once: */one, */two; run one*"])
    result.stdout.no_fnmatch_line("*def assay_project*")
