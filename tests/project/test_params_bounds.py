"""The ends of every range in params.yaml, its defaults, and its links between keys."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from assay.errors import ParamsError
from assay.project import params
from assay.project.params import Params

BASE: dict[str, dict[str, Any] | Any] = {
    "name": "tiny",
    "seed": 0,
    "ingest": {"source": "data.source.rows", "partition_by": "day"},
    "contract": {"file": "data/contract.py"},
    "prepare": {
        "train": {"from": "2020-01-01", "to": "2020-01-31"},
        "holdout": {"from": "2020-02-01", "to": "2020-02-01"},
    },
    "train": {
        "select_by": "auc",
        "candidates": {"prior": {"class": "sklearn.dummy.DummyClassifier"}},
    },
    "gate": {
        "tests": "tests/model",
        "rules": [
            {"name": "ranks", "metric": "auc", "min": 0.5, "owner": "us", "because": "it must"}
        ],
    },
    "score": {"input": "data/raw"},
}


def parse(**sections: Any) -> Params:
    """The base with keys of some sections changed; a section that is None is left out."""
    import json

    tree = dict(BASE)
    for name, changes in sections.items():
        if isinstance(changes, dict) and isinstance(tree.get(name, {}), dict):
            tree[name] = {**tree.get(name, {}), **changes}
        else:
            tree[name] = changes
    kept = {name: section for name, section in tree.items() if section is not None}
    return params.parse(json.dumps(kept), "params.yaml")


def mistake(**sections: Any) -> str:
    with pytest.raises(ParamsError) as caught:
        parse(**sections)
    (line,) = caught.value.lines()
    return line


def test_what_is_not_said_has_a_default() -> None:
    found = parse()
    assert found.store == "store"
    assert (found.contract.max_bad_share, found.contract.training, found.contract.night) == (
        *(0.0, ()),
        (),
    )
    assert (found.train.calibration, found.train.folds, found.train.threshold) == (
        *("auto", 5),
        0.5,
    )
    candidate = found.train.candidates["prior"]
    assert (candidate.args, candidate.encoding) == ({}, "auto")
    assert (found.bundle.reference_rows, found.bundle.allow_types) == (5000, ())
    assert (found.bundle.compile, found.bundle.tolerance) == ("auto", 1e-12)
    assert (found.evaluate.unit, found.evaluate.confidence) == ("night", 0.95)
    assert (found.evaluate.min_slice_rows, found.evaluate.pairs) == (200, ())
    assert (found.rehearse.rows, found.rehearse.repeats) == (20_000, 5)
    assert found.rehearse.carriers == ("auto",)
    assert found.rehearse.nights == 0
    leakage = found.leakage
    assert (leakage.sample_rows, leakage.max_label_power) == (50_000, 0.98)
    assert (leakage.max_category_shift, leakage.max_label_shift) == (0.1, 0.1)
    assert (leakage.max_duplicate_share, leakage.max_identifier_share) == (0.01, 0.95)
    assert (leakage.max_sum_power, leakage.trusted_columns) == (0.75, ())
    assert found.registry.stage == "prod"
    assert (found.score.carrier, found.score.batch_rows) == ("auto", 100_000)
    assert (found.quarantine.max_share, found.quarantine.rules) == (0.02, {})
    publish = found.publish
    assert (publish.recent_nights, publish.min_nights, publish.keep_days) == (14, 3, 30)
    assert (publish.max_row_change, publish.max_score_distance) == (0.5, 0.5)
    assert publish.max_null_share == 0.0
    assert (found.spark.master, found.spark.conf) == ("local[*]", {})
    monitor = found.monitor
    assert (monitor.limit_quantile, monitor.max_drifted_share) == (0.99, 0.5)
    assert (monitor.max_null_share_change, monitor.max_new_category_share) == (0.1, 0.02)
    assert monitor.sample_rows == 5000


def test_mappings_are_frozen_also_where_they_are_defaults() -> None:
    found = parse()
    for mapping in (
        found.train.candidates,
        found.train.candidates["prior"].args,
        found.quarantine.rules,
        found.spark.conf,
    ):
        assert isinstance(mapping, MappingProxyType)


@pytest.mark.parametrize(
    ("section", "key", "good", "bad"),
    [
        ("train", "folds", (2, 9), (1, 0)),
        ("train", "threshold", (0.001, 0.999), (0, 1)),
        ("bundle", "reference_rows", (1, 10), (0, -1)),
        ("bundle", "tolerance", (0, 1e-3), (-1e-9, 1.1e-3)),
        ("evaluate", "confidence", (0.51, 0.999), (0.5, 1)),
        ("evaluate", "min_slice_rows", (1, 9), (0, -1)),
        ("score", "batch_rows", (1, 9), (0, -1)),
        ("quarantine", "max_share", (0, 1), (-0.1, 1.1)),
        ("publish", "recent_nights", (1, 9), (0, -1)),
        ("publish", "min_nights", (1, 9), (0, -1)),
        ("publish", "max_row_change", (0.01, 9.0), (0, -1)),
        ("publish", "max_score_distance", (0.01, 1), (0, 1.1)),
        ("publish", "max_null_share", (0, 1), (-0.1, 1.1)),
        ("publish", "keep_days", (1, 3650), (0, 3651)),
        ("rehearse", "repeats", (1, 1000), (0, 1001)),
        ("labels", "known_after_days", (0, 3650), (-1, 3651)),
        ("monitor", "limit_quantile", (0.51, 1), (0.5, 1.1)),
        ("monitor", "max_drifted_share", (0, 1), (-0.1, 1.1)),
        ("monitor", "sample_rows", (1, 9), (0, -1)),
        ("contract", "max_bad_share", (0, 1), (-0.1, 1.1)),
    ],
)
def test_the_ends_of_ranges(
    section: str, key: str, good: tuple[float, ...], bad: tuple[float, ...]
) -> None:
    for value in good:
        assert getattr(getattr(parse(**{section: {key: value}}), section), key) == value
    for value in bad:
        line = mistake(**{section: {key: value}})
        assert f"{section}.{key}: expected a value " in line
        assert line.endswith(f"found {value}")


@pytest.mark.parametrize(
    ("section", "key", "good", "bad"),
    [
        (None, "name", ("a1", "late-flights", "a-1"), ("A", "a", "1a", "a-", "a_b", "")),
        ("registry", "stage", ("p", "prod-2"), ("Prod", "2p", "p_q", "")),
    ],
)
def test_the_form_of_names(
    section: str | None, key: str, good: tuple[str, ...], bad: tuple[str, ...]
) -> None:
    for value in good:
        given = {key: value} if section is None else {section: {key: value}}
        found = parse(**given)
        assert getattr(found if section is None else getattr(found, section), key) == value
    for value in bad:
        given = {key: value} if section is None else {section: {key: value}}
        assert "expected text that matches" in mistake(**given)


def test_a_webhook_has_limits_of_its_own() -> None:
    def webhook(**keys: Any) -> Any:
        return {"webhook": {"url_env": "ASSAY_WEBHOOK", **keys}}

    found = parse(alerts=webhook()).alerts.webhook
    assert found is not None
    assert (found.shape, found.timeout_s, found.retries) == ("generic", 10.0, 3)
    for key, good, bad in (("timeout_s", (0.1, 300), (0, 300.5)), ("retries", (0, 10), (-1, 11))):
        for value in good:
            made = parse(alerts=webhook(**{key: value})).alerts.webhook
            assert getattr(made, key) == value
        for value in bad:
            assert f"alerts.webhook.{key}: " in mistake(alerts=webhook(**{key: value}))
    assert "alerts.webhook.url_env: " in mistake(alerts=webhook(url_env="https://us"))


def test_what_has_no_end_of_its_own_has_one() -> None:
    assert parse(seed=2**32 - 1).seed == 2**32 - 1
    assert "seed: expected a value of at most 4294967295" in mistake(seed=2**32)
    assert parse(monitor={"maturities": [1, 3650]}).monitor.maturities == (1, 3650)
    assert mistake(monitor={"maturities": [1, 3651]}).endswith(
        "monitor.maturities[1]: expected a value of at most 3650, found 3651"
    )


def test_a_retrain_rule_is_of_a_maturity_that_is_measured() -> None:
    rule = {"metric": "auc", "min": 0.6, "maturity": 30}
    found = parse(monitor={"retrain": [rule]}).monitor
    assert found.maturities == (1, 7, 30)
    assert found.retrain[0].maturity == 30
    line = mistake(monitor={"retrain": [{**rule, "maturity": 8}]})
    assert "a maturity among 1, 7, 30" in line


def test_a_retrain_rule_counts_nights_or_takes_them_together() -> None:
    rule = {"metric": "brier_skill", "min": 0, "maturity": 1, "pool": 28}
    assert parse(monitor={"retrain": [rule]}).monitor.retrain[0].window == 28
    for more, wanted in (
        ({"of": 3}, "expected pool, or nights and of, found both"),
        ({"metric": "auc"}, "known over nights together: log_loss, brier, "),
        ({"pool": 4}, "expected a value of at least 5"),
    ):
        assert wanted in mistake(monitor={"retrain": [{**rule, **more}]})


@pytest.mark.parametrize("name", ["Prior", "1a", "a b", ""])
def test_the_form_of_a_candidates_name(name: str) -> None:
    candidates = {name: {"class": "a.B"}}
    assert "expected text that matches" in mistake(train={"candidates": candidates})
    assert (
        "prior-2_x" in parse(train={"candidates": {"prior-2_x": {"class": "a.B"}}}).train.candidates
    )


@pytest.mark.parametrize("path", ["B", "a.1", ".B", "a b.C", ""])
def test_the_form_of_a_class(path: str) -> None:
    line = mistake(train={"candidates": {"x": {"class": path}}})
    assert "train.candidates.x.class: expected a class such as sklearn.linear_model." in line
    found = parse(train={"candidates": {"x": {"class": "a.b.C"}}})
    assert found.train.candidates["x"].maker == "a.b.C"


def test_at_least_one_candidate() -> None:
    assert "train.candidates: " in mistake(train={"candidates": {}})


def test_windows() -> None:
    found = parse()
    assert (found.prepare.train.start, found.prepare.train.end) == (
        date(2020, 1, 1),
        date(2020, 1, 31),
    )
    assert (found.prepare.train.days, found.prepare.holdout.days) == (31, 1)
    assert str(found.prepare.train) == "2020-01-01 to 2020-01-31"
    backwards = {"from": "2020-02-02", "to": "2020-02-01"}
    assert mistake(prepare={"holdout": backwards}).endswith(
        "prepare.holdout: expected 'to' on or after 'from', found from 2020-02-02 to 2020-02-01"
    )
    for to in ("9999-12-31", "2200-01-01"):
        assert mistake(prepare={"holdout": {"from": "2020-02-01", "to": to}}).endswith(
            f"prepare.holdout.to: expected a day from 1700-01-01 to 2199-12-31, found {to}"
        )
    same_day = {"from": "2020-01-31", "to": "2020-02-01"}
    assert mistake(prepare={"holdout": same_day}).endswith(
        "prepare: expected a holdout that starts after the training window ends, found train"
        " 2020-01-01 to 2020-01-31, holdout 2020-01-31 to 2020-02-01"
    )


def test_row_counts() -> None:
    def count(**ends: int) -> dict[str, Any]:
        return {"night": [{"rule": "row_count", **ends}]}

    for ends in ({"min": 0}, {"max": 0}, {"min": 5, "max": 5}, {"min": 0, "max": 5}):
        (rule,) = parse(contract=count(**ends)).contract.night
        assert (rule.min, rule.max) == (ends.get("min"), ends.get("max"))
    assert "expected min, max or both, found neither" in mistake(contract=count())
    assert "expected max at or over min, found min 5, max 4" in mistake(
        contract=count(min=5, max=4)
    )
    assert "min: expected a value of at least 0" in mistake(contract=count(min=-1))


def test_table_rules_of_every_kind() -> None:
    listed = [
        {"rule": "unique_key"},
        {"rule": "null_share", "column": "x", "max": 1},
        {"rule": "freshness", "max_days": 0},
        {"rule": "row_count", "min": 1},
    ]
    found = parse(contract={"training": listed}).contract.training
    assert [rule.rule for rule in found] == ["unique_key", "null_share", "freshness", "row_count"]
    line = mistake(contract={"training": [{"rule": "unique_ky"}]})
    assert "did you mean 'unique_key'?" in line


def test_pairs_of_slice_fields() -> None:
    assert parse(evaluate={"pairs": [["a", "b"]]}).evaluate.pairs == (("a", "b"),)
    for pair, shown in ((["a"], "a"), (["a", "a"], "a, a"), (["a", "b", "c"], "a, b, c")):
        assert mistake(evaluate={"pairs": [pair]}).endswith(
            f"evaluate.pairs[0]: expected two slice fields, found {shown}"
        )
    assert mistake(evaluate={"pairs": [[]]}).endswith("expected two slice fields, found none")


def test_values_stay_what_they_are() -> None:
    args = {"a": 1, "b": 1.5, "c": "x", "d": True, "e": None, "f": [1, [2]], "g": {"h": False}}
    candidates = {"x": {"class": "a.B", "args": args}}
    found = parse(train={"candidates": candidates}).train.candidates["x"].args
    assert dict(found) == {
        "a": 1,
        "b": 1.5,
        "c": "x",
        "d": True,
        "e": None,
        "f": (1, (2,)),
        "g": {"h": False},
    }
    assert [type(value) for value in found.values()] == [
        *(int, float, str, bool, type(None)),
        *(tuple, dict),
    ]


def test_a_date_that_yaml_reads_is_no_text() -> None:
    with pytest.raises(ParamsError, match="name: expected text, found the date 2020-01-01"):
        params.parse("name: 2020-01-01\n", "x")


def test_a_key_that_is_no_text() -> None:
    with pytest.raises(ParamsError, match="the file: unknown key; valid keys: assay, name, seed, "):
        params.parse("1: x\n", "params.yaml")


def test_an_unknown_key_of_what_may_be_left_out_names_the_valid_ones() -> None:
    for key, hint in (("tops", "did you mean 'top'?"), ("zz", "valid keys: top, rows, direction")):
        with pytest.raises(ParamsError) as caught:
            params.parse(f"score: {{reasons: {{{key}: 3}}}}\n", "x")
        assert any(f"{key}: unknown key; {hint}" in line for line in caught.value.lines())


def test_yaml_mistakes_have_a_line() -> None:
    with pytest.raises(ParamsError) as caught:
        params.parse("a: 1\nb: [1\n", "params.yaml")
    (line,) = caught.value.lines()
    assert line.startswith("params.yaml:3: not valid YAML: ")
    with pytest.raises(ParamsError) as caught:
        params.parse("a: \x07", "params.yaml")
    (line,) = caught.value.lines()
    assert line.startswith("params.yaml: not valid YAML: ")
    assert "\n" not in line


def test_a_key_that_comes_twice_is_named_without_what_is_under_it() -> None:
    with pytest.raises(ParamsError) as caught:
        params.parse("train: {folds: 5}\nname: a\ntrain: {folds: 6}\n", "params.yaml")
    assert caught.value.lines() == ['params.yaml:3: not valid YAML: found duplicate key "train"']


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes(b"name: \xff\n")
    with pytest.raises(ParamsError, match="cannot be read as UTF-8 text"):
        params.load(tmp_path)
    (tmp_path / "params.yaml").unlink()
    (tmp_path / "params.yaml").mkdir()
    with pytest.raises(ParamsError, match="cannot be read as UTF-8 text"):
        params.load(tmp_path)


def test_a_file_is_read_as_utf_8_wherever(tmp_path: Path) -> None:
    import json

    text = json.dumps({**BASE, "store": "läger"}, ensure_ascii=False)
    (tmp_path / "params.yaml").write_bytes(text.encode())
    assert params.load(tmp_path).store == "läger"


def test_each_carrier_is_rehearsed_once() -> None:
    assert parse(rehearse={"carriers": ["local", "files"]}).rehearse.carriers == ("local", "files")
    line = mistake(rehearse={"carriers": ["files", "files"]})
    assert "rehearse.carriers: expected each carrier once, found files more than once" in line
    assert "rehearse.carriers" in mistake(rehearse={"carriers": []})


def test_nights_to_rehearse_are_a_number_or_days() -> None:
    assert parse(rehearse={"nights": 7}).rehearse.nights == 7
    named = parse(rehearse={"nights": ["2013-07-02", "2013-07-01"]}).rehearse.nights
    assert named == (date(2013, 7, 1), date(2013, 7, 2))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (-1, "expected a number of nights from 0 to 1000, or a list of days"),
        (1001, ", found 1001"),
        (True, ", found True"),
        ("7", ", found 7"),
        ([], ", found an empty list"),
        (None, ", found nothing"),
        (["July"], "expected a date in quotes such as \"2013-06-30\", found the text 'July'"),
        (["2013-07-01"] * 2, "expected each day once, found 2013-07-01, 2013-07-01"),
    ],
)
def test_nights_that_are_neither(given: Any, told: str) -> None:
    line = mistake(rehearse={"nights": given})
    assert "rehearse.nights: " in line and told in line


def test_a_day_among_arguments_is_to_be_quoted(tmp_path: Path) -> None:
    text = "train: {candidates: {prior: {class: a.B, args: {since: [{at: 2020-01-31}]}}}}"
    with pytest.raises(ParamsError) as caught:
        params.parse(text, "params.yaml")
    (line,) = (each for each in caught.value.lines() if "args" in each)
    assert "found the day 2020-01-31: write it in quotes" in line


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ({"a": {"class": "B"}}, "args.a.class: expected a class such as sklearn.linear_model."),
        ({"a": {"class": 3}}, "args.a.class: expected a class such as"),
        (
            {"steps": [["x", {"class": "a.B", "args": {"c": {"class": "d.e", "args": [1]}}}]]},
            "args.steps[0][1].args.c.args: expected a mapping, found a list",
        ),
        (
            {"a": [{"class": "a.B", "arg": {}}]},
            "args.a[0].arg: expected class and args only, found the key 'arg'",
        ),
        (
            {"a": {"class": "a.B", "function": "c.d"}},
            "args.a.function: expected class and args only, found the key 'function'",
        ),
        ({"a": {"function": "d"}}, "args.a.function: expected a function such as data.source."),
    ],
)
def test_a_malformed_object_among_arguments_is_named_by_its_whole_key(args: Any, told: str) -> None:
    line = mistake(train={"candidates": {"x": {"class": "a.B", "args": args}}})
    assert f"params.yaml:1: train.candidates.x.{told}" in line


def test_a_candidate_names_each_class_that_it_is_built_of() -> None:
    args = {
        "steps": [["x", {"class": "a.B", "args": {"c": {"class": "d.E"}}}], {"function": "f.g"}]
    }
    candidates = {"x": {"class": "p.Q", "args": args}}
    assert parse(train={"candidates": candidates}).train.candidates["x"].names == (
        *("p.Q", "a.B"),
        *("d.E", "f.g"),
    )


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, "none"),
        ({"class": "a.B", "function": "a.b"}, "several"),
        ({"class": "a.B", "federated": True}, "several"),
    ],
)
def test_a_candidate_is_made_by_a_class_or_a_function(given: Any, found: str) -> None:
    line = mistake(train={"candidates": {"x": given}})
    assert line.endswith(
        f"train.candidates.x: expected exactly one of class, function and federated, found {found}"
    )


NAMED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ingest.source", {"ingest": {"source": "a.b:c"}}),
    ("bundle.allow_types[0]", {"bundle": {"allow_types": ["a.b:c"]}}),
    ("train.candidates.x.class", {"train": {"candidates": {"x": {"class": "a.b:c"}}}}),
    ("train.candidates.x.function", {"train": {"candidates": {"x": {"function": "a.b:c"}}}}),
    (
        "train.candidates.x.args.y[0].class",
        {"train": {"candidates": {"x": {"class": "a.B", "args": {"y": [{"class": "a.b:c"}]}}}}},
    ),
)


@pytest.mark.parametrize(("key", "given"), NAMED)
def test_a_name_in_another_spelling_is_told_the_right_one(key: str, given: Any) -> None:
    line = mistake(**given)
    assert line == f"params.yaml:1: {key}: expected a.b.c, with a dot, found the text 'a.b:c'"


def test_only_reference_has_rows() -> None:
    assert parse().bundle.reasons.against == "population"
    given = {"against": "reference", "rows": "above_threshold", "sample": 50}
    assert parse(bundle={"reasons": given}).bundle.reasons.sample == 50
    for key, value in (("rows", "all"), ("sample", 100)):
        line = mistake(bundle={"reasons": {key: value}})
        wanted = "bundle.reasons: expected against: reference with rows and sample"
        assert line.endswith(f"{wanted}, found {key}: {value} without it")
    for wrong in (0, 1001):
        assert "sample" in mistake(bundle={"reasons": {"against": "reference", "sample": wrong}})


def test_names_of_code_have_dots() -> None:
    found = parse(ingest={"source": "a.b.c"}, bundle={"allow_types": ["a.b.C"]})
    assert (found.ingest.source, found.bundle.allow_types) == ("a.b.c", ("a.b.C",))
    for wrong in ("rows", "a.1", "a b.c", ".c", "a.", "a:", "a..b", ""):
        assert mistake(ingest={"source": wrong}).endswith(
            f"ingest.source: expected a function such as data.source.rows, found the text '{wrong}'"
        )
