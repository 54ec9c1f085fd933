"""What is written is read by what reads it: the contract, params.yaml, dvc.yaml, data/source.py."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.contract.loader import load_contract_text
from assay.errors import UsageError
from assay.formats.reader import read
from assay.formats.source import add_random_night
from assay.formats.understand import understand
from assay.gate.rules import change
from assay.gate.rules.change import Change
from assay.gate.rules.kinds import read_policy
from assay.init.decide import decide, time_column
from assay.init.nights import cut_by_time
from assay.init.plan import Plan
from assay.init.render import FILTERS, comment, render
from assay.init.survey import survey
from assay.init.wishes import Wishes
from assay.pages.templating import render_config
from assay.project import params
from assay.project.params import RowCount, yaml_text
from assay.project.params.values import Every
from assay.training.candidates.pipeline import build_pipeline
from benchmarks.retrain_simulation import World, advised
from tests.gate import build
from tests.texts import docstrings

ROOT = Path(__file__).resolve().parents[2]


def planned(frame: pd.DataFrame, folder: Path, target: str, **said: Any) -> Plan:
    """The plan for a frame that is written as CSV."""
    path = folder / "table.csv"
    frame.to_csv(path, index=False)
    understood = understand(path)
    wishes = Wishes(target=target, name="parcels", **said)
    time = time_column(understood, wishes)
    seen = survey(read(path, understood.table), understood.rows, time)
    return decide(understood, seen, time, "data/table.csv", wishes)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = 3000
    weight = rng.gamma(2, 3, rows)
    return pd.DataFrame(
        {
            "Parcel ID": [f"P{number:05}" for number in range(rows)],
            "Sent at": pd.date_range("2024-01-01", periods=rows, freq="30min"),
            "Weight (kg)": np.where(rng.random(rows) < 0.05, np.nan, weight),
            "class": rng.choice(["a", 'b"', "c\\"], rows),
            "e-mail": [f"a{number}@example.com" for number in range(rows)],
            "sex": rng.choice(["f", "m"], rows),
            "late": np.where(weight + rng.normal(0, 2, rows) > 6, "yes", "no"),
            "hours": weight * 3 + rng.normal(0, 1, rows),
            "fate": rng.choice([1, 2, 3], rows),
        }
    )


TASKS = {"late": "binary", "hours": "regression", "fate": "multiclass"}


@pytest.mark.parametrize("target", TASKS)
@pytest.mark.parametrize("timed", [True, False])
def test_every_file_is_what_its_reader_expects(
    frame: pd.DataFrame, tmp_path: Path, target: str, timed: bool
) -> None:
    others = [name for name in TASKS if name != target] + ([] if timed else ["Sent at"])
    plan = planned(frame.drop(columns=others), tmp_path, target)
    texts = render(plan)
    assert plan.label.task == TASKS[target]
    contract = load_contract_text(texts["data/contract.py"], "data/contract.py")
    assert contract.keys == ("parcel_id",)
    assert contract.time == ("sent_at" if timed else "arrived")
    assert contract.features == ("weight_kg", "class_")
    assert contract.sensitive == ("sex",)
    assert "e_mail" not in contract.columns and "personal" in texts["data/contract.py"]
    given = params.parse(texts["params.yaml"], "params.yaml")
    assert given.evaluate.unit == ("night" if timed else "row")
    assert yaml_text.load(texts["dvc.yaml"])["stages"]["ingest"]["deps"] == [
        "data/source.py",
        "data/table.csv",
    ]
    for path, text in texts.items():
        if path.endswith(".py"):
            ast.parse(text)
        assert "{{" not in text and "{%" not in text


def test_the_stages_are_those_of_this_repository() -> None:
    facts = {"tables": [], "task": "binary", "name": "late-flights"}
    about = "Probability that a departure out of New York arrives 15 minutes late or more."
    written = render_config("assay.init", "dvc.yaml.jinja", FILTERS, **facts, about=about)
    assert written == (ROOT / "dvc.yaml").read_text(encoding="utf-8")


def test_the_first_rule_is_paired_and_says_what_always_saying_the_same_scores(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    plan = planned(frame.drop(columns=["hours", "fate"]), tmp_path, "late")
    share = (frame["late"] == "yes").mean()
    rule = params.parse(render(plan)["params.yaml"], "params.yaml").gate.rules[0]
    assert (rule.metric, rule.min) == ("brier_skill", 0)
    assert f"a brier of {share * (1 - share):.3g} over all rows" in rule.because


def test_a_number_is_judged_by_the_error_that_few_rows_do_not_decide(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    hours = frame["hours"] ** 3
    plan = planned(frame.drop(columns=["late", "fate"]).assign(hours=hours), tmp_path, "hours")
    given = params.parse(render(plan)["params.yaml"], "params.yaml")
    rule = given.gate.rules[0]
    assert (rule.metric, rule.min, given.train.select_by) == ("mae_skill", 0, "mae")


def test_a_healthy_year_is_never_advised_to_train_and_a_lost_model_is(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    plan = planned(frame.drop(columns=["hours", "fate"]), tmp_path, "late")
    (rule,) = params.parse(render(plan)["params.yaml"], "params.yaml").monitor.retrain
    for share in (0.2, 0.01):
        world = World(share, icc=0.2, follows=0.0, slope=1.0)
        year = list(world.nights(np.random.default_rng(7), 365))
        assert not advised(year, rule).any()
        lost = list(world.nights(np.random.default_rng(8), 90, kept=0.0, after=40))
        found = np.flatnonzero(advised(lost, rule))
        assert 40 < found[0] < 80


@pytest.mark.parametrize(("apart", "pool"), [("1h", 28), ("12h", 8)])
def test_a_model_that_is_worse_than_a_constant_is_to_be_trained_again(
    frame: pd.DataFrame, tmp_path: Path, apart: str, pool: int
) -> None:
    given = frame.drop(columns=["hours", "fate"])
    given["Sent at"] = pd.date_range("2024-01-01", periods=len(given), freq=apart)
    plan = planned(given, tmp_path, "late")
    assert (plan.nights.every == "day") == (pool == 28)
    made = params.parse(render(plan)["params.yaml"], "params.yaml")
    (rule,) = made.monitor.retrain
    assert (rule.metric, rule.min, rule.pool) == ("brier_skill", 0, pool)
    assert rule.maturity == made.monitor.maturities[0] == made.labels.known_after_days


@pytest.mark.parametrize("timed", [True, False])
def test_nights_from_elsewhere_are_told_to_have_the_names_of_the_contract(
    frame: pd.DataFrame, tmp_path: Path, timed: bool
) -> None:
    others = ["hours", "fate"] + ([] if timed else ["Sent at"])
    readme = render(planned(frame.drop(columns=others), tmp_path, "late"))["README.md"]
    told = readme.partition("Those nights do not pass through `data/source.py`.")[2]
    assert "`parcel_id` and not `Parcel ID`.\nRows in the shape" in told
    assert "`dvc repro ingest` makes nights of them.\n\n" in told


def test_a_group_is_kept_together_and_is_the_unit(frame: pd.DataFrame, tmp_path: Path) -> None:
    shop = np.arange(len(frame)) // 10
    given = frame.drop(columns=["hours", "fate", "Sent at"]).assign(shop=shop)
    plan = planned(given, tmp_path, "late", group="shop")
    texts = render(plan)
    assert 'by="shop"' in texts["data/source.py"]
    assert params.parse(texts["params.yaml"], "params.yaml").evaluate.unit == "shop"
    contract = load_contract_text(texts["data/contract.py"], "data/contract.py")
    assert set(contract.keys) == {"parcel_id", "shop"}
    (rows, *_) = params.parse(texts["params.yaml"], "params.yaml").contract.night
    least, most = plan.nights.ordinary
    assert rows == RowCount(rule="row_count", min=max(1, least // 3), max=3 * most)
    # As the rows really fall, shop by shop.
    nights = add_random_night(pa.table({"shop": shop}), "shop", plan.nights.count)["night"]
    fell = sorted(Counter(nights.to_pylist()).values())
    assert (fell[0], fell[-1]) == plan.nights.rows[1:]


@pytest.mark.parametrize("group", [None, "shop"])
def test_a_night_of_one_row_is_no_limit_of_the_others(
    frame: pd.DataFrame, tmp_path: Path, group: str | None
) -> None:
    # 62 days of 48 rows, and one row of the next.
    given = frame.drop(columns=["hours", "fate"]).iloc[:2977]
    plan = planned(given.assign(shop=np.arange(len(given)) // 10), tmp_path, "late", group=group)
    assert (plan.nights.by, plan.nights.rows) == ("time", (48, 1, 48))
    (rows, *_) = params.parse(render(plan)["params.yaml"], "params.yaml").contract.night
    assert rows == RowCount(rule="row_count", min=16, max=144)


def test_a_quantity_whose_values_hardly_repeat_is_no_identifier(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    people = np.random.default_rng(9).permutation(10**6)[: len(frame)]
    given = frame.drop(columns=["hours", "fate"]).assign(people=people)
    plan = planned(given, tmp_path, "late")
    assert plan.own_values == ("people",) and any("people" in doubt for doubt in plan.doubts)
    leakage = params.parse(render(plan)["params.yaml"], "params.yaml").leakage
    assert leakage.max_identifier_share == 1.0


def test_no_rule_is_proposed_that_rows_which_are_there_twice_break(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    given = frame.drop(columns=["hours", "fate"])
    once, twice = (
        planned(rows, tmp_path, "late") for rows in (given, pd.concat([given, given[:3]]))
    )
    assert (once.repeated_keys, twice.repeated_keys) == (0, 3)
    assert any("3 rows with the key of an earlier row" in doubt for doubt in twice.doubts)
    for plan, ruled in ((once, True), (twice, False)):
        contract = params.parse(render(plan)["params.yaml"], "params.yaml").contract
        for rules in (contract.training, contract.night):
            assert any(each.rule == "unique_key" for each in rules) == ruled


@given(st.text())
def test_no_text_ends_a_comment(text: str) -> None:
    made = f'"""{comment(text)} ."""\n# {comment(text)}\n'
    assert [type(each) for each in ast.parse(made).body] == [ast.Expr]


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\n\r"),
    min_size=1,
    max_size=12,
).filter(lambda name: name == name.strip())


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(NAMES, min_size=3, max_size=6, unique_by=str.casefold))
def test_names_of_any_kind_give_files_that_can_be_read(tmp_path: Path, names: list[str]) -> None:
    rng = np.random.default_rng(4)
    names = [f"x{name}" for name in names]  # a line of numbers alone would be no header
    frame = pd.DataFrame({name: rng.normal(size=150).round(3) for name in names})
    plan = planned(frame, tmp_path, names[-1])
    texts = render(plan)
    load_contract_text(texts["data/contract.py"], "data/contract.py")
    params.parse(texts["params.yaml"], "params.yaml")
    ast.parse(texts["data/source.py"])


def test_a_weight_is_no_feature_and_told_apart(frame: pd.DataFrame, tmp_path: Path) -> None:
    given = frame.drop(columns=["hours", "fate"]).assign(copies=np.arange(len(frame)) % 3)
    plan = planned(given, tmp_path, "late", weight="copies")
    contract = load_contract_text(render(plan)["data/contract.py"], "data/contract.py")
    assert contract.weight == "copies" and "copies" not in contract.features
    assert "copies: greater_than_or_equal_to(0)" in contract.row_rules
    with pytest.raises(UsageError, match="cannot be weighted"):
        planned(given, tmp_path, "late", weight="Weight (kg)")
    with pytest.raises(UsageError, match="cannot be weighted"):
        planned(given, tmp_path, "late", weight="sex")


@pytest.mark.parametrize(("every", "asked"), [("day", True), ("week", False)])
def test_a_night_of_a_week_is_not_held_for_rows_after_its_first_day(
    frame: pd.DataFrame, tmp_path: Path, every: Every, asked: bool
) -> None:
    plan = planned(frame.drop(columns=["hours", "fate"]), tmp_path, "late")
    nights = cut_by_time(
        {date(2024, 1, 1) + timedelta(days=each): 40 for each in range(400)}, every
    )
    assert nights is not None and nights.every == every
    given = params.parse(render(replace(plan, nights=nights))["params.yaml"], "params.yaml")
    assert ("freshness" in [rule.rule for rule in given.contract.night]) is asked


def test_infinities_are_told_before_the_contract_refuses_them(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    weights = frame["Weight (kg)"].mask(frame.index % 50 == 0, np.inf)
    plan = planned(frame.assign(**{"Weight (kg)": weights}), tmp_path, "late")
    (left,) = [each for each in plan.left_out if each.name == "Weight (kg)"]
    assert left.why.startswith("infinite in 60 of 3,000 rows, to be refused")
    assert render(plan)["data/contract.py"].count("infinite in 60") == 1
    # Of so few, params.yaml lets the contract refuse the rows.
    weights = frame["Weight (kg)"].mask(frame.index < 1, np.inf)
    plan = planned(frame.assign(**{"Weight (kg)": weights}), tmp_path, "late")
    (weight,) = [each for each in plan.columns if each.name == "weight_kg"]
    assert weight.unsure.startswith("infinite in 1 of 3,000 rows, to be refused: make")
    text = render(plan)["params.yaml"]
    assert params.parse(text, "params.yaml").contract.max_bad_share > 1 / 1500


def test_a_doubt_that_columns_share_is_one_line(frame: pd.DataFrame, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    flags = {f"is_{name}": rng.integers(0, 2, len(frame)) for name in "abcdefg"}
    plan = planned(frame.assign(**flags).drop(columns=["hours", "fate"]), tmp_path, "late")
    (line,) = [each for each in plan.doubts if "a boolean?" in each]
    assert line == "is_a, is_b, is_c, is_d, is_e and 2 others: 0 and 1: a boolean?"


def test_a_challenger_that_is_better_but_for_one_slice_is_refused_by_default(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    plan = planned(frame.drop(columns=["hours", "fate"]), tmp_path, "late")
    gate = read_policy(params.parse(render(plan)["params.yaml"], "params.yaml"))
    rules = [each for each in gate.rules if isinstance(each, Change)]
    lost = build.compared_place("a", build.difference(0.05), metric="brier")
    others = [build.compared_place(f"b{n}", build.difference(-0.05), metric="brier") for n in "123"]
    better = build.comparison(build.difference(-0.03), lost, *others, metric="brier")
    told = [each for rule in rules for each in change.evaluate(rule, better, gate)]
    assert [each.slice for each in told if each.blocks] == ["origin=a"]
    # Without columns to slice by there is nothing to say.
    plain = planned(frame[["Parcel ID", "Sent at", "Weight (kg)", "late"]], tmp_path, "late")
    assert "no part of the rows" not in render(plain)["params.yaml"]


def test_free_text_is_read_by_a_linear_model_alone(tmp_path: Path) -> None:
    texts = docstrings()[::6]
    days = pd.date_range("2024-01-01", periods=65)
    frame = pd.DataFrame(
        {
            "id": range(len(texts)),
            "at": [days[place % 65] for place in range(len(texts))],
            "name": [each.name for each in texts],
            "body": [each.body for each in texts],
            "length": [len(each.body) for each in texts],
            "numeric": [each.source == "numpy" for each in texts],
        }
    )
    plan = planned(frame.sort_values("at"), tmp_path, "numeric")
    body = next(each for each in plan.columns if each.name == "body")
    assert body.roles == ("text",) and "free text: half of its values have" in body.why
    assert "name" in {each.name for each in plan.left_out}
    files = render(plan)
    contract = load_contract_text(files["data/contract.py"], "data/contract.py")
    assert contract.texts == ("body",)
    values = params.parse(files["params.yaml"], "params.yaml")
    assert [*values.train.candidates] == ["prior", "linear"]
    for name, each in values.train.candidates.items():
        build_pipeline(name, each, contract, "binary", 1, tmp_path)
