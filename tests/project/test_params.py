"""params.yaml: every mistake at once, each with its line, key, and what was expected."""

from __future__ import annotations

from pathlib import Path

import pydantic
import pytest

from assay.errors import ParamsError
from assay.project import params

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")


def mistakes(old: str, new: str) -> list[str]:
    assert old in TEXT
    with pytest.raises(ParamsError) as caught:
        params.parse(TEXT.replace(old, new, 1), "params.yaml")
    return caught.value.lines()


def test_the_reference_project_parses_and_is_frozen():
    found = params.load(ROOT)
    assert found.prepare.train.days == 151
    with pytest.raises(pydantic.ValidationError):
        found.seed = 1
    with pytest.raises(TypeError):
        found.train.candidates["boosting"].args["max_iter"] = 1


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  select_by: log_loss", "  selct_by: log_loss", "params.yaml:30: train.selct_by:"),
        ("seed: 2013", 'seed: "x"', "seed: expected a whole number, found the text 'x'"),
        ("seed: 2013", "seed: 1.5", "seed: expected a whole number, found 1.5"),
        ("folds: 5", "folds: 1", "train.folds: expected a value of at least 2, found 1"),
        ("max_bad_share: 0.001", "max_bad_share: .nan", "contract.max_bad_share: expected"),
        ("select_by: log_loss", "select_by: log_los", "found the text 'log_los'; did you mean"),
        ('holdout: {from: "2013-06-01"', 'holdout: {from: "2013-05-01"', "prepare: expected a"),
        ('holdout: {from: "2013-06-01"', "holdout: {from: 2013-06-01", "prepare.holdout.from:"),
        (
            "{rule: row_count, min: 300, max: 2000}",
            "{rule: row_count, mim: 300}",
            "contract.night[0].mim: unknown key; did you mean 'min'?",
        ),
        ("{rule: row_count, min: 300, max: 2000}", "{rule: row_cout, min: 300}", "found the text"),
        ("name: beats always saying", "name: ranks late flights first #", "gate.rules: expected"),
        ("store: store", "store: [a]", "store: expected text, found a list"),
        (
            "store: store",
            "store: store\naccess: {groups: {ops: [a@b.c]}, promote: [a@b.c, opz]}",
            "params.yaml:5: access.promote[1]: expected an address such as ana@example.com or a "
            "group (ops), found opz",
        ),
        (
            "store: store",
            "store: store\naccess: {groups: {ops: [other]}}",
            "access.groups.ops[0]: expected an address such as ana@example.com, found other",
        ),
        (
            "store: store",
            "store: store\naccess: {promte: [a@b.c]}",
            "access.promte: unknown key; did you mean 'promote'?",
        ),
        ("store: store", "store: store\naccess: {promote: []}", "expected at least 1 item"),
    ],
)
def test_a_mistake_is_named(old: str, new: str, expected: str):
    assert any(expected in line for line in mistakes(old, new))


def test_all_mistakes_come_in_one_go_in_the_order_of_the_file():
    text = TEXT.replace("seed: 2013", "seed: x").replace("batch_rows: 100000", "batch_rows: many")
    text = text.replace("  threshold: 0.35", "  treshold: 0.35")
    with pytest.raises(ParamsError) as caught:
        params.parse(text, "params.yaml")
    keys = [line.split(": ")[1] for line in caught.value.lines()]
    assert keys == ["seed", "train.treshold", "score.batch_rows"]


def test_a_gate_without_rules_is_a_mistake():
    start = TEXT.index("  rules:\n")
    end = TEXT.index("registry:")
    with pytest.raises(ParamsError, match=r"gate\.rules: expected at least 1 item"):
        params.parse(TEXT[:start] + "  rules: []\n" + TEXT[end:], "params.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1", "not valid YAML"),
        ("a: 1\na: 2\n", "not valid YAML"),
        ("- 1", "expected a mapping of sections, found a list"),
        ("", "expected a mapping of sections, found nothing"),
    ],
)
def test_what_is_not_a_params_file_is_said_so(text: str, expected: str):
    with pytest.raises(ParamsError, match=expected):
        params.parse(text, "params.yaml")


def test_numbers_and_words_are_read_as_dvc_reads_them():
    text = TEXT.replace("max_share: 0.02", "max_share: 1e-3")
    assert params.parse(text, "params.yaml").quarantine.max_share == 0.001
    assert params.parse(TEXT.replace("store: store", "store: no"), "p").store == "no"


def test_a_missing_file_says_what_to_do(tmp_path: Path):
    with pytest.raises(ParamsError, match=r"no such file.*--root"):
        params.load(tmp_path)


def test_a_list_of_one_mistake_is_not_called_too_short_as_well():
    start, end = TEXT.index("  rules:\n"), TEXT.index("registry:")
    one = "  rules:\n    - {name: a, metric: auc, min: 1, owner: us, because: 1}\n"
    with pytest.raises(ParamsError) as caught:
        params.parse(TEXT[:start] + one + TEXT[end:], "params.yaml")
    (line,) = caught.value.lines()
    assert "gate.rules[0].because" in line
