"""Every edit by hand that was tried against promotion, and what it answers.

Each edit is committed, so that the work tree is clean; those under ``dvc commit`` also make
dvc.lock name the edited files, which is what somebody does who knows DVC and does not want the
stages to run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from assay.cli.__main__ import main
from assay.errors import PromotionRefused, VersionRefused
from assay.project import digests, layout
from assay.promotion.promote import promote
from assay.reports.verdict import Finding, ModelTests, Outcome, Verdict, Waiver
from tests.gate.build import changed

ROOT = Path(__file__).resolve().parents[2]


class Edit(NamedTuple):
    """What somebody does, to a project in which the gate said ``outcome``.

    ``after`` a first version, which is the champion then.
    """

    act: Callable[[Any], None]
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


def asked_before(project: Any) -> None:
    """Thirty other challengers were asked on this holdout before, and it says it is the first."""
    mine = (project.root / layout.VERDICT).read_text(encoding="utf-8")
    project.git("update-ref", "-d", "HEAD")
    for number in range(30):
        other = changed(read(project), bundle=f"sha256:{number}")
        project.write(layout.VERDICT, other.text())
        project.commit()
    project.write(layout.VERDICT, mine)


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
        path.write_text(path.read_text().replace(digests.stage_digests()["gate"], "sha256:0"))


TEST = Finding(
    rule="test_model.py::test_it", kind="test", outcome=Outcome.PASS, detail="passed", test="passed"
)
FAIL = Outcome.FAIL
FROZEN = edits(
    "dvc.yaml", "    cmd: assay stage gate\n", "    cmd: assay stage gate\n    frozen: true\n"
)
LOWER = edits("params.yaml", "min: 0.7", "min: 0.1")
FEWER = edits("params.yaml", "sample_rows: 5000", "sample_rows: 1000")
LIMITS = edits("data/limits.py", "0.7", "0.1")


def both(*acts: Callable[[Any], None]) -> Callable[[Any], None]:
    def act(project: Any) -> None:
        for each in acts:
            each(project)

    return act


EDITS: Mapping[str, Edit] = {
    "the word FAIL made PASS everywhere in verdict.json": Edit(word_alone, FAIL),
    "FAIL made PASS in verdict.json and verdict.md": Edit(passes, FAIL),
    "a finding deleted": Edit(deletes, FAIL),
    "a finding made a warning": Edit(warns, FAIL),
    "a finding waived in verdict.json alone": Edit(waives, FAIL),
    "an INCONCLUSIVE let be": Edit(lets_be, Outcome.INCONCLUSIVE),
    "AUC made better in evaluation.json": Edit(number),
    "dvc.yaml emptied": Edit(edits("dvc.yaml", "stages:", "x-stages:")),
    "a limit of the gate changed in params.yaml": Edit(LOWER),
    "a limit of leakage changed in params.yaml": Edit(FEWER),
    "the same, with the stage frozen in dvc.yaml": Edit(both(FROZEN, FEWER)),
    "the contract changed": Edit(edits("data/contract.py", "...", "pass")),
    "what the training reads changed": Edit(edits("source/card.md", "one", "two")),
    "a model test changed": Edit(edits("tests/model/test_model.py", "...", "pass")),
    "a module changed that a model test imports": Edit(LIMITS),
    "the same, and left out of the gate's deps": Edit(
        both(LIMITS, edits("dvc.yaml", "data/limits.py, ", ""))
    ),
    "params.yaml changed under assume-unchanged": Edit(hidden("--assume-unchanged")),
    "params.yaml changed under skip-worktree": Edit(hidden("--skip-worktree")),
    "raw rows committed": Edit(adds("data/raw/part.csv")),
    "the store committed": Edit(adds("store/runs/1.json")),
    "the bundle committed": Edit(adds("models/bundle/card.md")),
    "verdict.json made a symbolic link": Edit(links(layout.VERDICT)),
    "the folder reports/gate made a symbolic link": Edit(links("reports/gate")),
    "params.yaml made a symbolic link": Edit(links("params.yaml")),
    "the contract made a symbolic link": Edit(links("data/contract.py")),
    "a model test made a symbolic link": Edit(links("tests/model/test_model.py")),
    "another command than the gate's in dvc.yaml": Edit(
        edits("dvc.yaml", "cmd: assay stage gate", "cmd: assay stage gate || python forge.py")
    ),
    "another Assay's code named in reports/code.json and dvc.lock": Edit(upgraded),
    "FAIL made PASS, then dvc commit": Edit(passes, FAIL, True),
    "a finding deleted, then dvc commit": Edit(deletes, FAIL, True),
    "a finding made a warning, then dvc commit": Edit(warns, FAIL, True),
    "a finding waived, then dvc commit": Edit(waives, FAIL, True),
    "more tests counted than there are, then dvc commit": Edit(counts, dvc_commit=True),
    "more tests counted than the champion had, then dvc commit": Edit(
        counts_before(2), dvc_commit=True, after=True
    ),
    "the champion's tests not counted, then dvc commit": Edit(
        counts_before(None), dvc_commit=True, after=True
    ),
    "the place on the holdout made lower, then dvc commit": Edit(asked_before, dvc_commit=True),
    "AUC made better, then dvc commit": Edit(number, dvc_commit=True),
    "AUC and the verdict made better, then dvc commit": Edit(number_and_verdict, FAIL, True),
    "verdict.json taken out of dvc.yaml and dvc.lock": Edit(both(passes, undeclared), FAIL),
}


ANSWERS: Mapping[str, tuple[str, ...]] = {
    "the word FAIL made PASS everywhere in verdict.json": (
        "its output reports/gate/verdict.json was changed",
    ),
    "FAIL made PASS in verdict.json and verdict.md": (
        "its output reports/gate/verdict.json was changed",
        "it is not what the gate says of this commit",
    ),
    "a finding deleted": (
        "its output reports/gate/verdict.json was changed",
        "'ranks' is missing in it",
    ),
    "a finding made a warning": (
        "its output reports/gate/verdict.json was changed",
        "'ranks' is a warn in it",
    ),
    "a finding waived in verdict.json alone": (
        "its output reports/gate/verdict.json was changed",
        "'ranks' is waived in it",
    ),
    "an INCONCLUSIVE let be": (
        "its output reports/gate/verdict.json was changed",
        "tolerated True in it",
    ),
    "AUC made better in evaluation.json": ("evaluation.json was changed", "another set of reports"),
    "dvc.yaml emptied": ("DVC cannot understand the pipeline",),
    "a limit of the gate changed in params.yaml": (
        "gate.rules[0].min was 0.7 and is 0.1",
        "another policy",
    ),
    "a limit of leakage changed in params.yaml": (
        "leakage.sample_rows was 5000 and is 1000",
        "another policy",
    ),
    "the same, with the stage frozen in dvc.yaml": ("leakage.sample_rows was 5000 and is 1000",),
    "the contract changed": ("data/contract.py changed", "another contract"),
    "what the training reads changed": ("train: source changed",),
    "a model test changed": ("tests/model changed", "another policy"),
    "a module changed that a model test imports": ("data/limits.py changed", "another code"),
    "the same, and left out of the gate's deps": (
        "data/limits.py is not among its deps, and tests/model needs it",
        "another code",
    ),
    "params.yaml changed under assume-unchanged": ("git was told not to look",),
    "params.yaml changed under skip-worktree": ("git was told not to look",),
    "raw rows committed": ("git tracks what only DVC or the store may keep",),
    "the store committed": ("git tracks what only DVC or the store may keep",),
    "the bundle committed": ("git tracks what only DVC or the store may keep",),
    "verdict.json made a symbolic link": ("a symbolic link leads out of it",),
    "the folder reports/gate made a symbolic link": ("a symbolic link leads out of it",),
    "params.yaml made a symbolic link": ("a symbolic link leads out of it",),
    "the contract made a symbolic link": ("a symbolic link leads out of it",),
    "a model test made a symbolic link": ("a symbolic link leads out of it",),
    "another command than the gate's in dvc.yaml": (
        "where only `assay stage gate` alone is evidence",
        "its command changed",
    ),
    "another Assay's code named in reports/code.json and dvc.lock": (
        "gate: the installed code is not what made its results",
    ),
    "FAIL made PASS, then dvc commit": ("it is not what the gate says of this commit",),
    "a finding deleted, then dvc commit": ("'ranks' is missing in it",),
    "a finding made a warning, then dvc commit": ("'ranks' is a warn in it",),
    "a finding waived, then dvc commit": ("'ranks' is waived in it",),
    "more tests counted than there are, then dvc commit": (
        "tests.collected is 2 in it, and its findings hold 1",
    ),
    "more tests counted than the champion had, then dvc commit": (
        "tests.champion is 2 in it, and the champion's verdict holds 1",
    ),
    "the champion's tests not counted, then dvc commit": (
        "tests.champion is None in it, and the champion's verdict holds 1",
    ),
    "the place on the holdout made lower, then dvc commit": (
        "'ranks' is PASS in it",
        "of the 31st challenger on this holdout a PASS takes",
    ),
    "AUC made better, then dvc commit": ("another set of reports", "has observed 0.8 in it"),
    "AUC and the verdict made better, then dvc commit": ("another set of reports",),
    "verdict.json taken out of dvc.yaml and dvc.lock": (
        "no stage has reports/gate/verdict.json as its output",
    ),
}
"""What the lines of the refusal say of an edit."""


VERSION, STAGE = "late-flights@v0.1.0", "late-flights#prod#1"
BY_HAND = "no promotion wrote its tag, or it was moved since"


def writes(tag: str, *lines: str) -> Callable[[Any], None]:
    def act(project: Any) -> None:
        message = "\n".join(["Promoted", *lines, "Because: fake"])
        project.git("tag", "--annotate", "--force", "--message", message, tag, f"{tag}^{{commit}}")

    return act


def rewrites(tag: str, old: str = "", new: str = "", commit: str = "HEAD") -> Callable[[Any], None]:
    """The tag's own message with a line changed or none, at the newest commit or another."""

    def act(project: Any) -> None:
        message = project.git("tag", "--list", "--format=%(contents)", tag)
        assert old in message
        message = message.replace(old, new) if old else message
        project.git("tag", "--annotate", "--force", "--message", message, tag, commit)

    return act


def without(tag: str, key: str) -> Callable[[Any], None]:
    return rewrites(tag, f"\n{key}: ", "\nNothing: ", f"{tag}^{{commit}}")


EDITS_OF_TAGS: Mapping[str, tuple[Callable[[Any], None], str]] = {
    "the version's tag written anew": (writes(VERSION), BY_HAND),
    "the same with an outcome": (writes(VERSION, "", "Outcome: PASS"), BY_HAND),
    **{
        f"{key} taken out of the {what}'s tag": (without(tag, key), BY_HAND)
        for key in ("Bundle", "Verdict", "Outcome", "Commit")
        for what, tag in (("version", VERSION), ("stage", STAGE))
    },
    "the version's tag moved to a later commit": (rewrites(VERSION), BY_HAND),
    "both tags moved to a later commit": (both(rewrites(VERSION), rewrites(STAGE)), BY_HAND),
    "the stage's tag written anew": (writes(STAGE), BY_HAND),
    "another outcome in the version's tag": (
        rewrites(VERSION, "Outcome: PASS", "Outcome: FAIL", f"{VERSION}^{{commit}}"),
        "its tags say FAIL and PASS, its verdict PASS",
    ),
}
"""What somebody does to the tags of a promotion, and why the version is unverified then."""


def test_each_edit_has_its_answer_and_the_page_counts_them() -> None:
    page = (ROOT / "docs" / "promotion.md").read_text(encoding="utf-8")
    assert [*ANSWERS] == [*EDITS] and f"tries {len(EDITS)} edits by hand" in page
    assert f"{len(EDITS_OF_TAGS)} edits of a promotion's tags" in page


@pytest.mark.parametrize("told", EDITS_OF_TAGS)
def test_no_edited_tag_is_verified(
    project: Any, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = ("--root", str(project.root))
    promote(project.root, project.params)
    project.write("notes.txt", "a later commit, with the same verdict")
    project.commit()
    assert main(["verify", "prod", *root]) == 0
    act, why = EDITS_OF_TAGS[told]
    act(project)
    name = "prod" if "stage" in told else "v0.1.0"
    capsys.readouterr()
    assert main(["verify", name, *root]) == VersionRefused.exit_code
    assert why in capsys.readouterr().err
    assert main(["versions", "--json", *root]) == 0
    shown = json.loads(capsys.readouterr().out)
    (of,) = shown["history"] if name == "prod" else shown["versions"]
    assert why in of["unverified"]


@pytest.mark.parametrize("told", EDITS)
def test_it_is_refused(project: Any, told: str) -> None:
    edit = EDITS[told]
    if edit.after:
        promote(project.root, project.params)
        project.another("two")
    if edit.outcome is not Outcome.PASS:
        project.judged(edit.outcome)
    tags = project.tag_names()
    edit.act(project)
    if edit.dvc_commit:
        project.dvc_commit()
    project.commit("by hand")
    with pytest.raises(PromotionRefused) as caught:
        promote(project.root, project.params)
    lines = caught.value.lines()
    for answer in ANSWERS[told]:
        assert any(answer in line for line in lines), lines
    assert all("\n" not in line for line in lines)
    assert project.tag_names() == tags


def test_what_this_clone_puts_in_the_place_of_an_object_is_not_the_commit(project: Any) -> None:
    old = project.git("rev-parse", "HEAD:params.yaml")
    edits("params.yaml", "min: 0.7", "min: 0.1")(project)
    project.git("replace", old, project.git("hash-object", "-w", "params.yaml"))
    assert project.git("status", "--porcelain") in ("", "M params.yaml")
    with pytest.raises(PromotionRefused, match="the work tree differs from the commit"):
        promote(project.root, project.params)
