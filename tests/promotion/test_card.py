"""A version's card: what it states, that its forms agree, and that machines can read it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from ruamel.yaml import YAML

from assay.errors import ParamsError, UsageError
from assay.gate.inputs import GateInputs
from assay.gate.rules import kinds
from assay.metrics.estimate import Estimate
from assay.project import params
from assay.project.params.card import CARD_FIELDS, CardParams
from assay.project.text import format_short
from assay.promotion.card import bom, markdown
from assay.promotion.card.command import ANNEX, BOM, CARD, run
from assay.promotion.card.facts import CardFacts, read_facts
from assay.registry import versions
from assay.reports.verdict import Outcome
from tests.gate.build import changed

STATED = CardParams(
    intended_use="Sorts parcels.",
    limits="Only of this | year.\n\nNot abroad.",
    owner="Post",
    contact="ml@post.example",
    oversight="A clerk looks at each that is held.",
    ethics="<b>None</b> are known, says @ada.",
    licence="Apache-2.0",
    annex={"7": "ISO/IEC 42001"},
)


@pytest.fixture(scope="module")
def bare(promoted: Path) -> CardFacts:
    values = params.load(promoted)
    known = versions.read_state(promoted, values.name)
    version = versions.select_champion(known, values.name, values.registry.stage)
    return read_facts(promoted, values, known, version)


@pytest.fixture(scope="module")
def facts(bare: CardFacts) -> CardFacts:
    pins = "numpy==9.9.9 \\\n    --hash=sha256:" + "a" * 64 + " \\\n    --hash=sha256:" + "b" * 64
    return replace(bare, params=bare.params.model_copy(update={"card": STATED}), pins=pins)


def front(text: str) -> Any:
    return YAML(typ="safe").load(text.split("---")[1])


def validate(text: str) -> object:
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)


def test_all_forms_state_the_numbers_of_the_evaluation(facts: CardFacts) -> None:
    assert facts.evaluation is not None and facts.metrics
    told = {name: one.plain() for name, one in facts.metrics.items()}
    (result,) = front(markdown.front_matter(facts))["model-index"][0]["results"]
    assert {each["type"]: each["value"] for each in result["metrics"]} == {
        name: one["value"] for name, one in told.items()
    }
    model = json.loads(bom.render(facts))["metadata"]["component"]
    measured = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    whole = {each["type"]: each for each in measured if "slice" not in each}
    assert {name: float(each["value"]) for name, each in whole.items()} == {
        name: one["value"] for name, one in told.items()
    }
    sliced = [(each["slice"], float(each["value"])) for each in measured if "slice" in each]
    parts = [*facts.slices(), *facts.groups()]
    assert sliced == [(title, one.plain()["value"]) for title, _, one in parts]
    for form in (False, True):
        text = markdown.render(facts, annex=form)
        for name, one in facts.metrics.items():
            assert re.search(rf"\| `{name}` \| {re.escape(format_short(one.value))} \|", text)
        assert facts.version.bundle in text and str(facts.version.commit[:12]) in text
    assert model["hashes"][0]["content"] == facts.version.bundle.removeprefix("sha256:")


def test_the_document_is_valid_and_the_same_each_time(facts: CardFacts, bare: CardFacts) -> None:
    for each in (facts, bare, replace(facts, evaluation=None, leakage=None, verdict=None)):
        assert validate(bom.render(each)) is None
        assert bom.render(each) == bom.render(each)
    wrong = bom.render(facts).replace('"machine-learning-model"', '"model"')
    assert validate(wrong) is not None
    assert (
        validate(bom.render(facts).replace('"specVersion"', '"more": 1, "specVersion"')) is not None
    )


def test_packages_have_hashes_and_licences(facts: CardFacts, bare: CardFacts) -> None:
    used = facts.manifest.versions
    found = {each["name"]: each for each in bom.packages_of(facts.pins, used)}
    # It was trained with another numpy than is pinned: named as it was, and without hashes.
    assert found["numpy"]["version"] == used["numpy"] and "externalReferences" not in found["numpy"]
    assert found["numpy"]["licenses"] and found["python"]["type"] == "platform"
    (pinned,) = bom.packages_of(facts.pins, {})
    (reference,) = pinned["externalReferences"]
    assert [each["content"][0] for each in reference["hashes"]] == ["a", "b"]
    assert "licenses" not in pinned  # of what is not installed nothing is claimed
    pins = (Path(__file__).parents[2] / "requirements" / "run.txt").read_text()
    every = list(bom.packages_of(pins, {}))
    assert len(every) == len(re.findall(r"(?m)^\S+==", pins)) > 100
    assert all(each["externalReferences"] for each in every)


def test_the_order_is_that_of_the_annex(facts: CardFacts, bare: CardFacts) -> None:
    text = markdown.render(facts, annex=True)
    assert re.findall(r"(?m)^## (\d)", text) == list("123456789")
    assert "ISO/IEC 42001" in text and "What is missing" not in text
    lacking = markdown.render(bare, annex=True)
    assert all(f"`{name}`" in lacking.split("## What is missing")[1] for name in CARD_FIELDS)
    assert "## 7. Standards\n\n*Not stated.*" in lacking
    assert "Standards" not in markdown.render(bare)


def test_what_people_write_does_nothing_but_be_read(facts: CardFacts) -> None:
    text = markdown.render(facts)
    assert "<b>" not in text and "@ada" not in text
    assert "Only of this \\| year." in text and "Not abroad." in text


def test_groups_of_people_too_small_to_be_seen_are_in_no_form(facts: CardFacts) -> None:
    assert facts.evaluation is not None
    part = facts.evaluation.slices[0]
    rate = Estimate(0.123456, 0.1, 0.2)
    small = changed(part, field="sex", value="x", rows=9, selection_rate=rate)
    large = changed(part, field="sex", value="y", rows=10, selection_rate=rate)
    given = replace(
        facts,
        evaluation=changed(facts.evaluation, slices=(small, large), sensitive=("sex",)),
    )
    for text in (markdown.render(given), bom.render(given), *markdown.draw(given).values()):
        assert "sex=x" not in text
    assert "sex=y" in markdown.render(given) and "sex=y" in bom.render(given)


def test_the_pictures_show_slices_and_reasons(facts: CardFacts) -> None:
    drawn = markdown.draw(facts)
    text = markdown.render(facts)
    assert (
        drawn.keys() == set(re.findall(r"\]\((\w+\.svg)\)", text)) == {"slices.svg", "reasons.svg"}
    )
    title, _, _ = next(iter(facts.slices()))
    assert drawn["slices.svg"].startswith("<svg xmlns=") and title in drawn["slices.svg"]


def test_the_command_writes_a_folder_once(
    promoted: Path, tmp_path: Path, call: Callable[..., str]
) -> None:
    root = Path(shutil.copytree(promoted, tmp_path / "parcels", symlinks=True))
    told = json.loads(call(root, "assay", "card", "--annex-iv", "--json"))
    folder = Path(told["folder"])
    assert {CARD, BOM, ANNEX} < {each.name for each in folder.iterdir()} == set(told["files"])
    assert told["missing"] == list(CARD_FIELDS)
    values = params.load(root)
    with pytest.raises(UsageError, match="there already"):
        run(root, values, None, False, None)
    with pytest.raises(UsageError, match=f"--out: there is no folder {tmp_path / 'no'} "):
        run(root, values, None, False, tmp_path / "no" / "card")
    again = Path(run(root, values, told["version"], True, tmp_path / "again").folder)
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == {
        each.name: each.read_bytes() for each in again.iterdir()
    }


def rule(root: Path, card: str, **keys: Any) -> tuple[Any, ...]:
    (root / "params.yaml").write_text(
        "name: ab\nseed: 1\ningest: {source: a.b, partition_by: d}\ncontract: {file: c}\n"
        'prepare: {train: {from: "2013-01-01", to: "2013-01-02"}, '
        'holdout: {from: "2013-01-03", to: "2013-01-04"}}\n'
        "train: {select_by: auc, candidates: {a: {class: a.B}}}\n"
        "gate: {tests: t, rules: [{name: a, metric: auc, min: 0, owner: us, because: it}]}\n"
        f"score: {{input: i}}\ncard: {card}\n"
    )
    told = kinds.make_rule(kind="card", name="stated", owner="us", because="people read it", **keys)
    return kinds.evaluate_rule(told, GateInputs.of(root), params.load(root).gate)


def test_a_missing_field_is_a_finding(tmp_path: Path) -> None:
    found = rule(tmp_path, "{owner: us, limits: none}", fields=("owner", "limits", "contact"))
    assert [(each.outcome, each.title) for each in found] == [
        (Outcome.FAIL, "stated[card=contact]")
    ]
    assert "under card in params.yaml" in found[0].fix
    (passed,) = rule(tmp_path, "{owner: us, limits: none}", fields=("owner", "limits"))
    assert passed.outcome is Outcome.PASS
    assert len(rule(tmp_path, "{}")) == len(CARD_FIELDS)
    with pytest.raises(ParamsError, match="intended_use"):
        rule(tmp_path, "{intended_us: x}")
