"""``gate.behaviour`` in params.yaml: what may stand there, and what is said of what may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.errors import ParamsError
from assay.project import params
from assay.project.digests import policy
from assay.project.params.behaviour import (
    ColumnChange,
    Direction,
    MinimumFunctionality,
    Monotonicity,
    Range,
)

TEXT = (Path(__file__).parents[1] / "parcels/params.yaml").read_text(encoding="utf-8")
OWNED = "owner: us, because: why"


def parsed(*behaviours: str) -> params.Params:
    start = TEXT.index("  behaviour:\n") if "  behaviour:\n" in TEXT else TEXT.index("\nscore:")
    text = TEXT[:start] + "\n  behaviour:\n" + "".join(f"    - {{{each}}}\n" for each in behaviours)
    return params.parse(text + TEXT[TEXT.index("\nscore:") :], "params.yaml")


def mistake(*behaviours: str) -> str:
    with pytest.raises(ParamsError) as caught:
        parsed(*behaviours)
    (line,) = caught.value.lines()
    return line.partition(": gate.behaviour")[2]


INVARIANCE = f"name: a, check: invariance, within: 0.1, {OWNED}"


def test_defaults() -> None:
    (found,) = parsed(f"{INVARIANCE}, change: {{column: x, set: null}}").gate.behaviour
    assert (found.severity, found.rows, found.max_failed, dict(found.where)) == (
        "block",
        1000,
        0.0,
        {},
    )
    assert found.change[0].way == "set" and found.change[0].to is None


def test_everything_there_is() -> None:
    found = parsed(
        f"name: a, check: invariance, within: 0, {OWNED}, severity: warn, rows: 5, max_failed: 0.1,"
        " where: {x: [1, null], y: true, z: {min: 1}}, change: [{column: x, add: 1}, {column: y,"
        " swap: [a, null]}, {column: z, multiply: 2}, {column: z, shuffle: true}]",
        f"name: b, check: direction, change: {{column: x, add: 1h}}, expect: not_lower, {OWNED},"
        " class: late",
        f"name: c, check: minimum, {OWNED}, cases: [{{name: x, row: {{a: 1}}, is: true}},"
        " {name: y, base: {a: b}, min: 0, max: 1, class: late}]",
        f"name: d, check: robustness, perturb: typo, columns: [a], within: 0.1, {OWNED}",
        f"name: e, check: monotonicity, column: x, from: 1, to: 2, expect: decreasing, {OWNED}",
    ).gate.behaviour
    first, second, third, _, fifth = found
    assert first.where["z"] == Range(min=1) and first.where["x"] == (1, None)
    assert [change.way for change in first.change] == ["add", "swap", "multiply", "shuffle"]  # type: ignore[union-attr]
    assert isinstance(second, Direction) and second.of == "late"
    assert isinstance(third, MinimumFunctionality) and third.cases[0].says is True
    assert isinstance(fifth, Monotonicity) and (fifth.start, fifth.steps) == (1.0, 10)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (f"name: a, {OWNED}", "[0]: expected a key 'check' that says which kind this is"),
        (f"name: a, check: invarience, {OWNED}", "did you mean 'invariance'?"),
        (f"{INVARIANCE}", "[0].change: missing; expected a list"),
        (f"{INVARIANCE}, change: {{column: x, set: 1}}, wihtin: 1", "did you mean 'within'?"),
        (f"{INVARIANCE}, change: {{column: x}}", "expected one of set, add, multiply"),
        (f"{INVARIANCE}, change: {{column: x, set: 1, add: 1}}", "found set and add"),
        (f"{INVARIANCE}, change: {{column: x, add: null}}", "a value for add, found nothing"),
        (f"{INVARIANCE}, change: {{column: x, set: [1]}}", "true, false or null, found a list"),
        (f"{INVARIANCE}, change: {{column: x, swap: [1]}}", "two different values, found 1"),
        (f"{INVARIANCE}, change: {{column: x, swap: [1, 1]}}", "two different values, found 1, 1"),
        (f"{INVARIANCE}, change: []", "[0].change: expected at least 1 item(s)"),
        (f"{INVARIANCE}, change: {{column: x, sett: 1}}", "change.sett: unknown key; did you mean"),
        (
            f"{INVARIANCE}, change: {{column: x, shuffle: false}}",
            "change: expected true for shuffle, found false",
        ),
        (f"{INVARIANCE}, change: {{column: x, set: 1}}, where: {{x: []}}", "an empty list"),
        (f"{INVARIANCE}, change: {{column: x, set: 1}}, where: {{x: {{}}}}", "an empty mapping"),
        (f"{INVARIANCE}, change: {{column: x, set: 1}}, where: {{x: {{mn: 1}}}}", "found mn: 1"),
        (f"{INVARIANCE}, change: {{column: x, set: 1}}, where: {{x: {{min: a}}}}", "found min: a"),
        (
            f'{INVARIANCE}, change: {{column: x, set: 1}}, where: {{x: {{min: "a\\nb"}}}}',
            "min: a b",
        ),
        (
            f"name: a, check: minimum, cases: [{{name: x}}], {OWNED}",
            "cases[0]: expected either min and max, or is, found neither",
        ),
        (
            f"name: a, check: minimum, cases: [{{name: x, min: 1, is: true}}], {OWNED}",
            "found both",
        ),
        (f"name: a, check: minimum, cases: [{{name: x, min: 2, max: 1}}], {OWNED}", "max at or"),
        (f"name: a, check: minimum, cases: [], {OWNED}", "at least 1 item(s)"),
        (
            f"name: a, check: minimum, cases: [{{name: x, min: 1}}, {{name: x, max: 1}}], {OWNED}",
            "every case under a name of its own, found x more than once",
        ),
        (f"name: a, check: robustness, perturb: tpyo, {OWNED}", "did you mean 'typo'?"),
        (
            f"name: a, check: monotonicity, column: x, from: 2, to: 1, expect: increasing, {OWNED}",
            "'to' over 'from', found from 2 to 1",
        ),
        (f"{INVARIANCE}, change: {{column: x, set: 1}}, max_failed: 2", "at most 1"),
        (f"{INVARIANCE}, change: {{column: x, set: .nan}}", "a finite number"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(given: str, expected: str) -> None:
    assert expected in mistake(given)


def test_two_behaviours_of_one_name_are_a_mistake() -> None:
    one = f"{INVARIANCE}, change: {{column: x, set: 1}}"
    assert "every behaviour under a name of its own, found a more than once" in mistake(one, one)


def test_what_a_behaviour_says_is_part_of_the_policy(tmp_path: Path) -> None:
    def digest(change: str) -> str:
        return policy(tmp_path, parsed(f"{INVARIANCE}, change: {{column: x, {change}}}"))

    changes = ["set: 1", "set: true", "set: null", "add: 1", "swap: [1, null]", "shuffle: true"]
    assert len({digest(change) for change in changes}) == len(changes)


@pytest.mark.parametrize("way", [{"set": 1}, {"add": "1h"}, {"swap": ("a", None)}])
def test_a_change_is_frozen(way: dict[str, Any]) -> None:
    change = ColumnChange.model_validate({"column": "x", **way})
    with pytest.raises(ValueError, match="frozen"):
        change.column = "y"  # type: ignore[misc]
