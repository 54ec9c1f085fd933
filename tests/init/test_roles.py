from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.formats.definition import TO_UTC, ColumnFacts
from assay.formats.names import column_names
from assay.init.roles import ColumnUse, decide_uses, may_be_groups
from assay.init.wishes import Wishes
from tests.init.frames import facts_of

ROWS = 400


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "Customer ID": [f"C{number:05}" for number in rng.permutation(ROWS)],
            "branch_id": rng.integers(1000, 1090, ROWS),
            "e-mail": [f"a{number}@example.com" for number in range(ROWS)],
            "contact": [f"+49 170 {number:07}" for number in range(ROWS)],
            "Gender": rng.choice(["f", "m"], ROWS),
            "age": rng.integers(18, 90, ROWS),
            "country": ["DE"] * ROWS,
            "plan": rng.choice(["basic", "plus"], ROWS),
            "town": rng.choice([f"town {number}" for number in range(300)], ROWS),
            "remark": ["a long story that is told again and again " * 3] * (ROWS // 2)
            + ["another long story that nobody reads to its end " * 3] * (ROWS // 2),
            "spent": rng.gamma(2, 50, ROWS),
            "visits": rng.integers(0, 5, ROWS),
            "opened": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 90, ROWS), unit="D"),
            "born": pd.Timestamp("1980-01-01")
            + pd.to_timedelta(rng.integers(0, 9000, ROWS), unit="D"),
            "churned": rng.random(ROWS) < 0.3,
        }
    )


def uses(
    frame: pd.DataFrame, leaks: Mapping[str, str] | None = None, **said: Any
) -> dict[str, ColumnUse]:
    return of_facts(facts_of(frame), leaks, **said)


def of_facts(
    facts: Sequence[ColumnFacts], leaks: Mapping[str, str] | None = None, **said: Any
) -> dict[str, ColumnUse]:
    plain = column_names(each.name for each in facts)
    return decide_uses(facts, plain, leaks or {}, Wishes("churned", "churn", **said))


def test_each_column_gets_the_use_that_a_person_would_give_it(frame: pd.DataFrame) -> None:
    assert {name: each.use for name, each in uses(frame).items()} == {
        "Customer ID": "key",
        "branch_id": "left out",
        "e-mail": "left out",
        "contact": "left out",
        "Gender": "sensitive",
        "age": "sensitive",
        "country": "left out",
        "plan": "feature",
        "town": "left out",
        "remark": "left out",
        "spent": "feature",
        "visits": "feature",
        "opened": "time",
        "born": "left out",
    }


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("branch_id", "says who, not how"),
        ("e-mail", "personal: each value looks like an e-mail address"),
        ("contact", "personal: each value looks like a phone number"),
        ("country", "always 'DE'"),
        ("town", "put rare ones together"),
        ("remark", "free text"),
        ("born", "a time"),
    ],
)
def test_what_is_left_out_has_a_reason(frame: pd.DataFrame, name: str, why: str) -> None:
    assert why in uses(frame)[name].why


def test_few_values_are_sliced(frame: pd.DataFrame) -> None:
    sliced = {name for name, each in uses(frame).items() if each.sliced}
    assert sliced == {"Gender", "plan", "visits"}


def test_what_a_person_says_is_not_guessed(frame: pd.DataFrame) -> None:
    said = {"time": "born", "keys": ("plan",), "group": "branch_id"}
    found = uses(frame, **said, sensitive=("town",), left_out=("visits",))
    assert [found[name].use for name in ("born", "plan", "branch_id", "town", "visits")] == [
        "time", "key", "key", "sensitive", "left out",
    ]  # fmt: skip
    assert found["opened"].use == "left out"


def test_a_leak_is_left_out_and_told(frame: pd.DataFrame) -> None:
    found = uses(frame, leaks={"spent": "it gives the label away"})["spent"]
    assert (found.use, found.why) == ("left out", "it gives the label away")
    assert "feature" in found.unsure


def test_the_time_of_the_event_is_taken_before_other_times(frame: pd.DataFrame) -> None:
    more = frame.rename(columns={"opened": "contract_end", "born": "created_at"})
    assert uses(more)["created_at"].use == "time"
    holes = frame.assign(opened=frame["opened"].where(frame.index % 9 > 0))
    # Nights of birthdays say nothing.
    assert uses(holes)["born"].use == "left out"


def orders(rows: int = ROWS) -> pd.DataFrame:
    """What people order within 200 days, who signed up within three years."""
    rng = np.random.default_rng(5)
    start = pd.Timestamp("2024-01-01")
    return pd.DataFrame(
        {
            "order_id": np.arange(rows) * 7 + 1000,
            "signup_date": start - pd.to_timedelta(rng.integers(0, 1100, rows), unit="D"),
            "event_time": start + pd.to_timedelta(np.sort(rng.integers(0, 200 * 24, rows)), "h"),
            "amount": rng.gamma(2, 50, rows),
            "churned": rng.random(rows) < 0.3,
        }
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_rows_is_no_evidence(seed: int) -> None:
    frame = orders()
    shuffled = frame.sample(frac=1, random_state=seed)
    assert uses(shuffled) == uses(frame)
    assert uses(shuffled)["event_time"].use == "time"


def test_times_that_could_cut_the_nights_as_well_are_named_with_what_says_which() -> None:
    found = uses(orders())
    assert "could be by 'signup_date': say which with --time" in found["event_time"].unsure
    assert "--time" not in uses(orders(), time="event_time")["event_time"].unsure
    alone = uses(orders().drop(columns="signup_date"))
    assert alone["event_time"].unsure == ""


def test_of_times_that_follow_each_other_the_first_is_taken() -> None:
    frame = orders().drop(columns="signup_date")
    later = frame["event_time"] + pd.Timedelta(days=9)
    found = uses(frame.assign(delivery_date=later)[["delivery_date", *frame]])
    assert found["event_time"].use == "time"


def test_a_few_rows_that_are_there_twice_do_not_take_the_key_away() -> None:
    frame = orders(2000)
    twice = pd.concat([frame, frame[5:7]])
    key = uses(twice)["order_id"]
    assert (key.use, key.why) == ("key", "2,000 different values in 2,002 rows")
    assert key.unsure.startswith("2 rows with the key of an earlier row, such as 10")
    assert uses(pd.concat([frame, frame[:30]]))["order_id"].use != "key"
    assert uses(frame)["order_id"].unsure == ""


def test_a_repeated_key_that_says_who_a_person_is_is_not_shown() -> None:
    frame = orders(2000).drop(columns="order_id")
    frame["customer_id"] = [f"a{number}@example.com" for number in range(2000)]
    key = uses(pd.concat([frame, frame[:1]]))["customer_id"]
    assert "1 row with the key of an earlier row:" in key.unsure
    assert "example.com" not in key.unsure


def test_a_time_that_had_a_zone_is_told_in_utc(frame: pd.DataFrame) -> None:
    assert "UTC" not in uses(frame)["opened"].why
    zoned = [replace(each, evidence=(f"they are {TO_UTC}",)) for each in facts_of(frame)]
    found = of_facts(zoned)["opened"]
    assert found.use == "time" and found.why.endswith(" UTC, in every row")


def test_a_time_that_a_person_leaves_out_is_not_the_time(frame: pd.DataFrame) -> None:
    (time,) = [name for name, each in uses(frame).items() if each.use == "time"]
    found = uses(frame, left_out=(time,))
    assert found[time].use == "left out" and found[time].why == "left out with --leave-out"


def test_a_time_that_is_always_the_same_is_shown_as_one(frame: pd.DataFrame) -> None:
    found = uses(frame.assign(left=pd.Timestamp("2024-01-05")))["left"]
    assert found.why == "always 2024-01-05 00:00:00: it can tell no row from another"


def test_a_doubt_that_explains_why_a_column_is_left_out_is_the_reason(frame: pd.DataFrame) -> None:
    texts = frame.assign(price=[f"{number}.5" for number in range(ROWS)])
    why = "all but 1 of 400 are numbers; the first other one is 'err' in line 8"
    facts = [
        replace(each, unsure=f"{why}: fix it", stays_text=why) if each.name == "price" else each
        for each in facts_of(texts)
    ]
    price = of_facts(facts)["price"]
    assert (price.use, price.why, price.unsure) == ("left out", why, f"{why}: fix it")


@pytest.mark.parametrize("name", ["branch_id", "country", "Gender", "age", "visits", "born"])
def test_no_doubt_is_lost(frame: pd.DataFrame, name: str) -> None:
    facts = [
        replace(each, unsure="or is it?") if each.name == name else each for each in facts_of(frame)
    ]
    found = of_facts(facts)
    assert found[name].unsure.endswith("or is it?")


def test_a_time_with_a_gap_says_why_it_is_not_the_time(frame: pd.DataFrame) -> None:
    gap = frame.drop(columns="born")
    gap["opened"] = gap["opened"].where(gap.index != 7)
    opened = uses(gap)["opened"]
    assert opened.use == "left out"
    assert opened.unsure.startswith("no time in 1 of 400 rows, so it cannot say when a row is from")
    # Another time is taken, but by its name that one is less likely.
    assert uses(gap.assign(born=frame["born"]))["opened"].unsure.startswith("no time in 1 of 400")
    # A time that many rows lack was not meant to.
    gap["opened"] = gap["opened"].where(gap.index % 2 > 0)
    assert uses(gap)["opened"].unsure == ""


def test_one_value_tells_rows_apart_where_others_have_none(frame: pd.DataFrame) -> None:
    vip = pd.Series(np.where(frame.index % 3, "Y", None), dtype=object)
    found = uses(frame.assign(vip=vip))["vip"]
    assert (found.use, found.why, found.sliced) == ("feature", "always 'Y', 33.5% empty", False)
    few = vip.where(frame.index < 9)
    assert uses(frame.assign(vip=few))["vip"].use == "left out"


def test_numbers_that_all_differ_where_chance_would_repeat_some_name_rows() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "Respondent": rng.permutation(4 * ROWS)[:ROWS] + 1,
            "parcel": rng.permutation(ROWS),
            "paid": rng.integers(0, 10**9, ROWS),
            "churned": rng.random(ROWS) < 0.3,
        }
    )
    found = {name: each.use for name, each in uses(frame).items()}
    assert found == {"Respondent": "key", "parcel": "left out", "paid": "feature"}


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("body_mass_index", "feature"),
        ("price_index", "feature"),
        ("account_number", "left out"),
        ("unitid", "left out"),
        ("countyid", "left out"),
        ("married", "sensitive"),
        ("female", "sensitive"),
        ("hisp", "sensitive"),
        ("nonwhite", "sensitive"),
        ("othrace_cl", "sensitive"),
        ("widowed", "sensitive"),
        ("white", "feature"),
        ("age_of_domain", "feature"),
        ("age_of_account_days", "feature"),
        ("house_age", "feature"),
        ("house_owner_age", "sensitive"),
        ("age_of_mother", "sensitive"),
        ("forename", "left out"),
    ],
)
def test_names_that_say_what_a_column_is(name: str, use: str) -> None:
    rng = np.random.default_rng(5)
    values = rng.integers(20, 60, ROWS)
    if name in ("married", "female", "hisp", "nonwhite", "othrace_cl", "widowed", "white"):
        values = values % 2
    column = [f"N{value}" for value in values] if name == "forename" else values
    frame = pd.DataFrame({name: column, "churned": rng.random(ROWS) < 0.3})
    assert uses(frame)[name].use == use


def test_white_is_a_person_beside_asian_and_single_beside_married() -> None:
    rng = np.random.default_rng(5)
    flags = rng.integers(0, 2, (ROWS, 6))
    frame = pd.DataFrame(flags, columns=["white", "asian", "single", "married", "red", "churned"])
    found = {name for name, each in uses(frame).items() if each.use == "sensitive"}
    assert found == {"white", "asian", "single", "married"}
    wine = frame.drop(columns=["asian", "married"])
    assert not [name for name, each in uses(wine).items() if each.use == "sensitive"]


def test_who_has_several_rows_may_be_a_group(frame: pd.DataFrame) -> None:
    plain = column_names(map(str, frame))
    assert may_be_groups(facts_of(frame), plain) == ["branch_id"]


def test_an_identifier_with_blanks_is_one(frame: pd.DataFrame) -> None:
    holes = frame.assign(branch_id=frame["branch_id"].where(frame.index % 50 > 0))
    assert holes["branch_id"].dtype == float
    assert "says who, not how" in uses(holes)["branch_id"].why
    assert may_be_groups(facts_of(holes), column_names(map(str, holes))) == ["branch_id"]
    few = holes.assign(branch_id=frame["branch_id"].where(frame.index > 0))
    assert uses(few, group="branch_id")["branch_id"].unsure == "empty in 1 row, to be refused"


def census() -> pd.DataFrame:
    """People as a census codes them, with a weight."""
    rng = np.random.default_rng(4)
    columns = {"AGEP": (18, 94), "SEX": (1, 3), "RAC1P": (1, 10), "PWGTP": (5, 300)}
    codes = {name: rng.integers(*ends, ROWS) for name, ends in columns.items()}
    dates = pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 9000, ROWS), unit="D")
    return pd.DataFrame(
        {
            **codes,
            "DOB": dates,
            "WKHP": rng.integers(1, 99, ROWS),
            "churned": rng.random(ROWS) < 0.3,
        }
    )


def test_people_by_names_of_a_survey() -> None:
    found = uses(census())
    assert {name for name, each in found.items() if each.use == "sensitive"} == {
        *("AGEP", "SEX", "RAC1P")
    }
    assert found["DOB"].why == "sensitive, by its name: a time to make bands of in data/source.py"
    assert found["WKHP"].use == "feature"


def test_a_weight_is_what_a_person_says() -> None:
    table = census()
    assert uses(table)["PWGTP"].use == "feature"
    assert uses(table, weight="PWGTP")["PWGTP"].use == "weight"


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (["M", "F"], "sexes"),
        (["male", "female", "unknown"], "sexes"),
        (["White", "Black", "Asian-Pac-Islander", "Amer-Indian-Eskimo"], "races"),
        (["Caucasian", "African-American", "Hispanic", "Other"], "races"),
        (["red", "white", "black"], ""),
        (["M", "T", "W", "F"], ""),
        (["S", "M", "L"], ""),
    ],
)
def test_values_that_say_what_a_person_is(values: list[str], what: str) -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"code_7": rng.choice(values, ROWS), "churned": rng.random(ROWS) < 0.3})
    found = uses(frame)["code_7"]
    assert (found.use == "sensitive") is bool(what)
    assert not what or f"by its values, which are {what}" in found.why
