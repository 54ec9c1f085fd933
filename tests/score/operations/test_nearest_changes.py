"""Reasons and nearest changes of models that are made here, against what these say themselves."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from assay.columns.features import FrameFeatures
from assay.compiled.compile import compile_model
from assay.compiled.contributions import explain_model
from assay.compiled.fitted_model import Model
from assay.contract.definition import MASK, Contract
from assay.contract.loader import load_contract_text
from assay.errors import ReasonsUnknown
from assay.model import reasons
from assay.model.bundle import REASONS
from assay.model.reasons import (
    TOP_WORDS,
    compared_with,
    explainer_of,
    nearest_changes,
    row_reasons,
    top_words,
)
from assay.score.operations import why
from assay.training.candidates.pipeline import encoded_pipeline

NUMBERS, ALL = ("amount", "grade", "hi", "sure"), ("amount", "grade", "hi", "sure", "kind")
CLASSES = ("low", "middle", "high")
CONTRACT = """\
import datetime
import pandera.pandas as pa
class Row(pa.DataFrameModel):
    key: int = pa.Field(metadata={"role": "key"})
    amount: int = pa.Field(ge=0, metadata={"role": "feature", "reason": "how much it is"})
    grade: int = pa.Field(isin=[0, 5, 10, 20], metadata={"role": ["feature", "sensitive"]})
    hi: float = pa.Field(nullable=True, metadata={"role": "feature"})
    sure: bool = pa.Field(description="if it is", metadata={"role": "feature"})
    kind: str = pa.Field(isin=["a", "b", "c"], metadata={"role": "feature"})
    at: datetime.datetime = pa.Field(metadata={"role": "time"})
    late: bool = pa.Field(metadata={"role": "label"})
"""
FORMS = ("LogisticRegression", "RandomForestClassifier")


def frame() -> pd.DataFrame:
    random = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "amount": random.integers(0, 100_000, 800),
            "grade": random.choice([0, 5, 10, 20], 800),
            "hi": random.normal(size=800),
            "sure": random.random(800) < 0.5,
            "kind": random.choice(["a", "b", "c"], 800),
        }
    )


class Made:
    """A fitted model, as much of a bundle as reasons read, and the contract of its rows."""

    def __init__(self, form: str, task: Any = "binary") -> None:
        self.frame, random = frame(), np.random.default_rng(4)
        rows = self.frame
        value = rows["amount"] / 30_000 + rows["grade"] / 6 + rows["hi"] + 2 * rows["sure"]
        value += 1.5 * (rows["kind"] == "b") + random.normal(size=800)
        estimator, label = {
            "LogisticRegression": (LogisticRegression(max_iter=5000), value > 5),
            "RandomForestClassifier": (RandomForestClassifier(20, max_depth=6), value > 5),
            "LinearRegression": (LinearRegression(), value),
        }[form]
        if task == "multiclass":
            label = pd.cut(value, [-99, 4, 6, 99], labels=[*CLASSES]).astype(str)
        classes = tuple(np.unique(label)) if task == "multiclass" else ()
        made = encoded_pipeline(estimator, "auto", NUMBERS, ("kind",), seed=1, ordered={})
        model = Model(made.pipeline.fit(self.frame, label.to_numpy()), None, NUMBERS, ("kind",))
        self.scorer = compile_model(model, task, classes)
        explainer = explain_model(model, self.scorer, FrameFeatures(self.frame))
        self.contract: Contract = load_contract_text(CONTRACT, "c.py").without_label()
        manifest = SimpleNamespace(
            task=task,
            classes=classes,
            threshold=0.5,
            sensitive=("grade",),
            reasons={"against": "population"},
            candidate="one",
        )
        self.bundle: Any = SimpleNamespace(
            scorer=self.scorer,
            manifest=manifest,
            sample=lambda: self.frame,
            losses={},
            reference=SimpleNamespace(beside={}),
            files={REASONS: explainer.to_bytes()},
            digest="sha256:0123456789abcdef",
        )

    def row(self, at: int, **changes: Any) -> dict[str, Any]:
        row = self.frame.iloc[at].to_dict()
        row |= {"amount": int(row["amount"]), "grade": int(row["grade"]), "sure": bool(row["sure"])}
        return {**row, **changes}

    def table(self, row: dict[str, Any]) -> pa.Table:
        table = pa.table(
            {"key": [1], "at": [datetime.datetime(2024, 3, 1)], **{k: [v] for k, v in row.items()}}
        )
        place = table.schema.get_field_index("hi")
        return table.set_column(place, "hi", pa.array([row["hi"]], pa.float64()))

    def score(self, row: dict[str, Any]) -> Any:
        given = pd.DataFrame([row])
        return self.scorer.scores(FrameFeatures(given.astype({"hi": float})))[0]

    def decided(self, row: dict[str, Any]) -> Any:
        score = self.score(row)
        if self.bundle.manifest.task == "multiclass":
            return self.bundle.manifest.classes[int(np.argmax(score))]
        return bool(score >= 0.5)

    def changes(self, row: dict[str, Any]) -> dict[str, reasons.Change]:
        found = nearest_changes(self.bundle, self.contract, self.table(row))
        return {each.feature: each for each in found}


@pytest.fixture(scope="module", params=FORMS)
def made(request: pytest.FixtureRequest) -> Made:
    return Made(request.param)


def test_a_whole_number_changes_to_the_nearest_that_the_contract_allows(made: Made) -> None:
    seen: set[str] = set()
    for at in range(0, 800, 32):
        row = made.row(at)
        before, changes = made.decided(row), made.changes(row)
        for other in (0, 5, 10, 20):
            if made.decided({**row, "grade": other}) != before:
                assert abs(changes["grade"].to - row["grade"]) <= abs(other - row["grade"])
        for name, each in changes.items():
            seen.add(name)
            assert each.value == row[name] and each.decision != before
            if name == "hi":
                text = why._rounded(each)
                beyond = float(text) + (1e-6 if each.side == "over" else 0)  # forests: float32
                assert made.decided({**row, "hi": beyond}) != before
                assert each.side in (("over", "at least") if each.to > row["hi"] else ("at most",))
                continue
            changed = {**row, name: each.to}
            assert made.decided(changed) == each.decision
            assert each.score == pytest.approx(made.score(changed))
            if name == "amount":
                nearer = each.to + (1 if each.to < row["amount"] else -1)
                assert isinstance(each.to, int)
                assert made.decided({**row, "amount": nearer}) == before
                assert each.side == ("at least" if each.to > row["amount"] else "at most")
    assert seen == {*ALL}


def test_categories_and_truths_change_where_they_decide(made: Made) -> None:
    for at in range(0, 800, 24):
        row = made.row(at)
        before, changes = made.decided(row), made.changes(row)
        other = {**row, "sure": not row["sure"]}
        assert ("sure" in changes) == (made.decided(other) != before)
        if "sure" in changes:
            found = changes["sure"]
            assert (found.value, found.to, found.side) == (row["sure"], not row["sure"], "")
        kinds = [kind for kind in "abc" if made.decided({**row, "kind": kind}) != before]
        assert ("kind" in changes) == bool(kinds)
        if kinds:
            apart = {k: abs(made.score({**row, "kind": k}) - made.score(row)) for k in kinds}
            found = changes["kind"]
            assert apart[found.to] == min(apart.values())
            assert (found.value, found.side) == (row["kind"], "")


def test_a_number_that_is_missing_changes_to_the_one_nearest_the_middle_of_the_splits() -> None:
    made = Made("RandomForestClassifier")
    seen = 0
    for at in range(0, 800, 40):
        row = made.row(at, hi=None)
        change = made.changes(row).get("hi")
        if change is not None:
            seen += 1
            beyond = change.to + (1e-6 if change.side == "over" else 0.0)
            assert change.value is None
            assert made.decided({**row, "hi": beyond}) == change.decision != made.decided(row)
    assert seen


ANSWERS = {False: reasons._Answer(False, 0.1), True: reasons._Answer(True, 0.9)}


def variants_of(value: Any, trained: list[float], decides: Callable[[float], bool]) -> Any:
    """A row of one feature of whose value alone the decision depends."""
    return SimpleNamespace(
        now=ANSWERS[False],
        contract=SimpleNamespace(field=lambda name: SimpleNamespace(kind="number")),
        value=lambda name: value,
        trained_values=lambda name: np.array(trained),
        answers=lambda name, tried: [ANSWERS[decides(each)] for each in tried],
        deciding_otherwise=lambda name, tried: [(x, ANSWERS[True]) for x in tried if decides(x)],
    )


@pytest.mark.parametrize(
    ("decides", "side"), [(lambda x: x <= 2, "at most"), (lambda x: x > 2, "over")]
)
def test_a_missing_number_may_change_right_at_the_middle_split(
    decides: Callable[[float], bool], side: str
) -> None:
    variants, edges = variants_of(None, [0.0], decides), np.array([1.0, 2.0, 3.0, np.inf])
    found = reasons._change_number(variants, "hi", edges, "trees")
    assert found == reasons.Change("hi", None, 2.0, side, True, 0.9)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("upper", "to", "side"), [(47, 47, "at least"), (4000, -700, "at most")])
def test_on_a_line_the_nearer_side_is_found_to_the_last_digit(
    upper: float, to: float, side: str, whole: bool
) -> None:
    variants = variants_of(3 if whole else 3.0, [-1e6, 1e6], lambda x: x <= -700 or x >= upper)
    found = reasons._change_on_a_line(variants, "hi", whole)
    assert found is not None and (found.to, found.side) == (to, side)


@pytest.mark.parametrize(("form", "scale"), [(FORMS[0], "log odds"), (FORMS[1], "probability")])
def test_reasons_add_up_to_the_score_and_say_what_the_contract_calls_them(
    form: str, scale: str
) -> None:
    made = Made(form)
    for at in range(0, 800, 200):
        row = made.row(at)
        found = row_reasons(made.bundle, made.contract, made.table(row), True)
        assert (found.scale, found.output) == (scale, None)
        sizes = [abs(each.contribution) for each in found.reasons]
        assert sizes == sorted(sizes, reverse=True)
        assert [each.share for each in found.reasons] == pytest.approx(np.array(sizes) / sum(sizes))
        added = sum(each.contribution for each in found.reasons)
        assert found.raw == pytest.approx(found.base + added)
        assert found.uncalibrated == pytest.approx(made.score(row))
        words = {each.feature: (each.words, each.value) for each in found.reasons}
        assert words == {
            "amount": ("how much it is", row["amount"]),
            "grade": ("grade", MASK),
            "hi": ("hi", row["hi"]),
            "sure": ("if it is", row["sure"]),
            "kind": ("kind", row["kind"]),
        }


def test_of_several_classes_the_decided_one_is_explained() -> None:
    made = Made("LogisticRegression", "multiclass")
    classes = made.bundle.manifest.classes
    assert {*classes} == {*CLASSES}
    row = made.row(7)
    for place, name in enumerate(classes):
        found = row_reasons(made.bundle, made.contract, made.table(row), name)
        assert found.output == name
        assert found.uncalibrated == pytest.approx(made.score(row)[place])
        assert found.raw == pytest.approx(
            found.base + sum(each.contribution for each in found.reasons)
        )
    for at in range(0, 800, 80):
        row = made.row(at)
        for change in made.changes(row).values():
            assert change.decision != made.decided(row)


def test_nothing_is_decided_of_a_regression() -> None:
    made = Made("LinearRegression", "regression")
    row = made.row(3)
    assert made.changes(row) == {}
    found = row_reasons(made.bundle, made.contract, made.table(row), None)
    assert found.scale == "predicted value"
    assert found.raw == found.uncalibrated == pytest.approx(made.score(row))


def test_a_model_that_is_not_compiled_has_no_changes(made: Made) -> None:
    bundle: Any = SimpleNamespace(**{**vars(made.bundle), "scorer": object()})
    assert nearest_changes(bundle, made.contract, made.table(made.row(0))) == ()
    with pytest.raises(ReasonsUnknown, match="cannot be computed exactly"):
        explainer_of(bundle)


def test_a_bundle_without_what_explains_it_says_why(made: Made) -> None:
    told = {"unknown": "its answers are drawn"}
    words = r"bundle sha256:0123456789ab: .*docs/reasons\.md.*found its answers are drawn"
    manifest = SimpleNamespace(**{**vars(made.bundle.manifest), "reasons": told})
    bundle: Any = SimpleNamespace(**{**vars(made.bundle), "files": {}, "manifest": manifest})
    with pytest.raises(ReasonsUnknown, match=words):
        explainer_of(bundle)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"against": "population"}, "all training rows"),
        ({"against": "reference", "rows": "all", "sample": 1}, "1 training row"),
        (
            {"against": "reference", "rows": "above_threshold", "sample": 7},
            "7 training rows just above the threshold",
        ),
        (
            {"against": "reference", "rows": "below_threshold", "sample": 7},
            "7 training rows just below the threshold",
        ),
    ],
)
def test_what_a_row_is_compared_with_in_words(chosen: dict[str, Any], words: str) -> None:
    manifest: Any = SimpleNamespace(reasons=chosen)
    assert compared_with(manifest) == words


@pytest.mark.parametrize(
    ("many", "ending"), [(0, "no known word"), (1, "w0 +0.5000"), (TOP_WORDS, "+0.5000")]
)
def test_a_text_is_shown_by_its_strongest_words(many: int, ending: str) -> None:
    def words(name: str, value: str, output: int) -> dict[str, float]:
        assert (name, value, output) == ("note", "as written", 2)
        return {f"w{place}": 0.5 for place in range(given)}

    explainer: Any = SimpleNamespace(texts=("note",), words=words)
    for given, more in ((many, ""), (many + TOP_WORDS + 1, f", and {many + 1} more")):
        found = top_words(explainer, "note", "as written", 2)
        assert found.endswith(more or ending)
        assert found.count("+") == min(given, TOP_WORDS) and ("more" in found) == bool(more)
    assert top_words(explainer, "note", None, 2) is None
    assert top_words(explainer, "other", "x", 2) == "x"
