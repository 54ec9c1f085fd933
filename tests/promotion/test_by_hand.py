"""Every edit by hand that was tried against promotion, and what it answers.

`docs/promotion.md` shows the same table, and the last test holds the two together. Each edit is
committed, so that the work tree is clean; those under ``dvc commit`` also make dvc.lock name the
edited files, which is what somebody does who knows DVC and does not want the stages to run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from assay.errors import PromotionRefused
from assay.project import layout, stage_code
from assay.promotion.promote import promote
from assay.reports.verdict import Finding, ModelTests, Outcome, Verdict, Waiver
from tests.gate.build import changed

ROOT = Path(__file__).resolve().parents[2]


class Edit(NamedTuple):
    """What somebody does, to a project in which the gate said ``outcome``; the refusals.

    ``after`` a first version, which is the champion then.
    """

    told: str
    act: Callable[[Any], None]
    answers: tuple[str, ...]
    outcome: Outcome = Outcome.PASS
    dvc_commit: bool = False
    after: bool = False


def read(project: Any) -> Verdict:
    text = (project.root / layout.VERDICT).read_text(encoding="utf-8")
    return Verdict.parse(text, layout.VERDICT)


def said(project: Any, *findings: Finding) -> None:
    """These findings and PASS instead of what the gate said, on the page too."""
    project.verdict(changed(read(project), outcome=Outcome.PASS, findings=findings))


def passes(project: Any) -> None:
    said(project, *(changed(each, outcome=Outcome.PASS) for each in read(project).findings))


def deletes(project: Any) -> None:
    said(project, *(each for each in read(project).findings if each.outcome is Outcome.PASS))


def warns(project: Any) -> None:
    said(project, *(changed(each, severity="warn") for each in read(project).findings[:1]), TEST)


def waives(project: Any) -> None:
    waiver = Waiver(because="carnival", owner="us", until="2999-01-01")
    said(project, *(changed(each, waiver=waiver) for each in read(project).findings[:1]), TEST)


def lets_be(project: Any) -> None:
    said(project, *(changed(each, tolerated=True) for each in read(project).findings[:1]), TEST)


def counts(project: Any) -> None:
    project.verdict(changed(read(project), tests=ModelTests(collected=2, ran=2)))


def counts_before(number: int | None) -> Callable[[Any], None]:
    def act(project: Any) -> None:
        project.verdict(
            changed(read(project), tests=ModelTests(collected=1, ran=1, champion=number))
        )

    return act


def word_alone(project: Any) -> None:
    path = project.root / layout.VERDICT
    path.write_text(path.read_text().replace('"FAIL"', '"PASS"'))


def number(project: Any) -> None:
    path = project.root / layout.EVALUATION
    tree = json.loads(path.read_text())
    tree["metrics"]["auc"] = {"value": 0.9, "low": 0.85, "high": 0.95}
    path.write_text(json.dumps(tree))


def number_and_verdict(project: Any) -> None:
    number(project)
    passes(project)


def edits(path: str, old: str, new: str) -> Callable[[Any], None]:
    def act(project: Any) -> None:
        text = (project.root / path).read_text()
        assert old in text
        project.write(path, text.replace(old, new))

    return act


def hidden(flag: str) -> Callable[[Any], None]:
    def act(project: Any) -> None:
        project.git("update-index", flag, "params.yaml")
        edits("params.yaml", "min: 0.7", "min: 0.1")(project)

    return act


def links(path: str) -> Callable[[Any], None]:
    def act(project: Any) -> None:
        kept = project.root.parent / "outside"
        (project.root / path).rename(kept)
        (project.root / path).symlink_to(kept)

    return act


def adds(*paths: str) -> Callable[[Any], None]:
    def act(project: Any) -> None:
        for path in paths:
            project.write(path, "rows\n")
            project.git("add", "--force", path)

    return act


def undeclared(project: Any) -> None:
    edits("dvc.yaml", "      - reports/gate/verdict.json: {cache: false}\n", "")(project)
    lock = project.root / layout.DVC_LOCK
    tree = json.loads(json.dumps(project.locked()))
    outs = tree["stages"]["gate"]["outs"]
    tree["stages"]["gate"]["outs"] = [each for each in outs if each["path"] != layout.VERDICT]
    lock.write_text(json.dumps(tree))


def upgraded(project: Any) -> None:
    """What a project looks like whose results another Assay made."""
    for name in (layout.CODE, layout.DVC_LOCK):
        path = project.root / name
        path.write_text(path.read_text().replace(stage_code.stage_digests()["gate"], "sha256:0"))


TEST = Finding(rule="test_model.py::test_it", kind="test", outcome=Outcome.PASS, detail="passed")
FAIL, TOLD = Outcome.FAIL, "it is not what the gate says of this commit"
CHANGED = "its output reports/gate/verdict.json was changed"
LINK = "a symbolic link leads out of it"
FROZEN = edits("dvc.yaml", "    cmd: assay gate\n", "    cmd: assay gate\n    frozen: true\n")


def both(*acts: Callable[[Any], None]) -> Callable[[Any], None]:
    def act(project: Any) -> None:
        for each in acts:
            each(project)

    return act


EDITS = (
    Edit("the word FAIL made PASS everywhere in verdict.json", word_alone, (CHANGED,), FAIL),
    Edit("FAIL made PASS in verdict.json and verdict.md", passes, (CHANGED, TOLD), FAIL),
    Edit("a finding deleted", deletes, (CHANGED, "'ranks' is missing in it"), FAIL),
    Edit("a finding made a warning", warns, (CHANGED, "'ranks' is a warn in it"), FAIL),
    Edit(
        "a finding waived in verdict.json alone", waives, (CHANGED, "'ranks' is waived in it"), FAIL
    ),
    Edit(
        "an INCONCLUSIVE let be", lets_be, (CHANGED, "tolerated True in it"), Outcome.INCONCLUSIVE
    ),
    Edit(
        "AUC made better in evaluation.json",
        number,
        ("evaluation.json was changed", "another set of reports"),
    ),
    Edit(
        "dvc.yaml emptied",
        edits("dvc.yaml", "stages:", "x-stages:"),
        ("DVC cannot understand the pipeline",),
    ),
    Edit(
        "a limit of the gate changed in params.yaml",
        edits("params.yaml", "min: 0.7", "min: 0.1"),
        ("gate.rules[0].min was 0.7 and is 0.1", "another policy"),
    ),
    Edit(
        "a limit of leakage changed in params.yaml",
        edits("params.yaml", "sample_rows: 5000", "sample_rows: 1000"),
        ("leakage.sample_rows was 5000 and is 1000", "another policy"),
    ),
    Edit(
        "the same, with the stage frozen in dvc.yaml",
        both(FROZEN, edits("params.yaml", "sample_rows: 5000", "sample_rows: 1000")),
        ("leakage.sample_rows was 5000 and is 1000",),
    ),
    Edit(
        "the contract changed",
        edits("data/contract.py", "...", "pass"),
        ("data/contract.py changed", "another contract"),
    ),
    Edit(
        "what the training reads changed",
        edits("source/card.md", "one", "two"),
        ("train: source changed",),
    ),
    Edit(
        "a model test changed",
        edits("tests/model/test_model.py", "...", "pass"),
        ("tests/model changed", "another policy"),
    ),
    Edit(
        "a module changed that a model test imports",
        edits("data/limits.py", "0.7", "0.1"),
        ("data/limits.py changed", "another code"),
    ),
    Edit(
        "the same, and left out of the gate's deps",
        both(
            edits("data/limits.py", "0.7", "0.1"),
            edits("dvc.yaml", "data/limits.py, ", ""),
        ),
        ("data/limits.py is not among its deps, and tests/model needs it", "another code"),
    ),
    Edit(
        "params.yaml changed under assume-unchanged",
        hidden("--assume-unchanged"),
        ("git was told not to look",),
    ),
    Edit(
        "params.yaml changed under skip-worktree",
        hidden("--skip-worktree"),
        ("git was told not to look",),
    ),
    Edit(
        "raw rows committed",
        adds("data/raw/part.csv"),
        ("git tracks what only DVC or the store may keep",),
    ),
    Edit(
        "the store committed",
        adds("store/runs/1.json"),
        ("git tracks what only DVC or the store may keep",),
    ),
    Edit(
        "the bundle committed",
        adds("models/bundle/card.md"),
        ("git tracks what only DVC or the store may keep",),
    ),
    Edit("verdict.json made a symbolic link", links(layout.VERDICT), (LINK,)),
    Edit("the folder reports/gate made a symbolic link", links("reports/gate"), (LINK,)),
    Edit("params.yaml made a symbolic link", links("params.yaml"), (LINK,)),
    Edit("the contract made a symbolic link", links("data/contract.py"), (LINK,)),
    Edit("a model test made a symbolic link", links("tests/model/test_model.py"), (LINK,)),
    Edit(
        "another command than the gate's in dvc.yaml",
        edits("dvc.yaml", "cmd: assay gate", "cmd: assay gate || python forge.py"),
        ("where only `assay gate` alone is evidence", "its command changed"),
    ),
    Edit(
        "another Assay's code named in reports/code.json and dvc.lock",
        upgraded,
        ("gate: the installed Assay's code is not what made its results",),
    ),
    Edit("FAIL made PASS, then dvc commit", passes, (TOLD,), FAIL, True),
    Edit("a finding deleted, then dvc commit", deletes, ("'ranks' is missing in it",), FAIL, True),
    Edit(
        "a finding made a warning, then dvc commit", warns, ("'ranks' is a warn in it",), FAIL, True
    ),
    Edit("a finding waived, then dvc commit", waives, ("'ranks' is waived in it",), FAIL, True),
    Edit(
        "more tests counted than there are, then dvc commit",
        counts,
        ("tests.collected is 2 in it, and its findings hold 1",),
        Outcome.PASS,
        True,
    ),
    Edit(
        "more tests counted than the champion had, then dvc commit",
        counts_before(2),
        ("tests.champion is 2 in it, and the champion's verdict holds 1",),
        Outcome.PASS,
        True,
        True,
    ),
    Edit(
        "the champion's tests not counted, then dvc commit",
        counts_before(None),
        ("tests.champion is None in it, and the champion's verdict holds 1",),
        Outcome.PASS,
        True,
        True,
    ),
    Edit(
        "AUC made better, then dvc commit",
        number,
        ("another set of reports", "has observed 0.8 in it"),
        Outcome.PASS,
        True,
    ),
    Edit(
        "AUC and the verdict made better, then dvc commit",
        number_and_verdict,
        ("another set of reports",),
        FAIL,
        True,
    ),
    Edit(
        "verdict.json taken out of dvc.yaml and dvc.lock",
        both(passes, undeclared),
        ("no stage has reports/gate/verdict.json as its output",),
        FAIL,
    ),
)


@pytest.mark.parametrize("edit", EDITS, ids=[each.told for each in EDITS])
def test_it_is_refused(project: Any, edit: Edit) -> None:
    if edit.after:
        promote(project.root, project.params)
        project.train("two")
        project.judge()
        project.commit("two")
    if edit.outcome is not Outcome.PASS:
        project.judge(edit.outcome)
        project.commit("the gate said so")
    tags = project.tag_names()
    edit.act(project)
    if edit.dvc_commit:
        project.dvc_commit()
    project.commit("by hand")
    with pytest.raises(PromotionRefused) as caught:
        promote(project.root, project.params)
    lines = caught.value.lines()
    for answer in edit.answers:
        assert any(answer in line for line in lines), lines
    assert all("\n" not in line for line in lines)
    assert project.tag_names() == tags


def test_the_table_in_the_docs_is_this_one() -> None:
    text = (ROOT / "docs" / "promotion.md").read_text(encoding="utf-8")
    for edit in EDITS:
        (row,) = (line for line in text.splitlines() if line.startswith(f"| {edit.told} |"))
        assert all(answer in row for answer in edit.answers), row


def test_what_this_clone_puts_in_the_place_of_an_object_is_not_the_commit(project: Any) -> None:
    old = project.git("rev-parse", "HEAD:params.yaml")
    edits("params.yaml", "min: 0.7", "min: 0.1")(project)
    project.git("replace", old, project.git("hash-object", "-w", "params.yaml"))
    assert project.git("status", "--porcelain") in ("", "M params.yaml")
    with pytest.raises(PromotionRefused, match="the work tree differs from the commit"):
        promote(project.root, project.params)
