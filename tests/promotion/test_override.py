"""A promotion that overrules the gate: allowed with a reason, and never forgotten."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.cli.result import to_json
from assay.errors import PromotionRefused, UsageError
from assay.monitor import status
from assay.project import digests, layout
from assay.promotion.promote import promote, rollback
from assay.registry import tags, versions
from assay.registry.fetch import BUNDLES
from assay.registry.git import Tag
from assay.registry.git import tags as git_tags
from assay.registry.versions import NONE, PromotionEvidence, format_override, parse_evidence
from assay.reports.verdict import JudgedChampion, Outcome
from tests.shown import shown as shown_by

NAME = "late-flights"
WHY = "the carnival, once"


def over(project: Any, because: str | None = WHY, **options: Any) -> Any:
    return promote(project.root, project.params, override=True, because=because, **options).version


def up(project: Any) -> Any:
    return promote(project.root, project.params, because="it ranks").version


def trailers(project: Any, name: str) -> dict[str, str]:
    (found,) = (each for each in git_tags(project.root) if each.name == name)
    return tags.read_trailers(found.body)


@pytest.mark.parametrize("because", [None, "", " \n"])
def test_without_a_reason_nothing_is_overruled(project: Any, because: str | None) -> None:
    with pytest.raises(UsageError, match="an override needs a reason"):
        over(project, because)
    assert project.tag_names() == set()


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.INCONCLUSIVE])
def test_both_tags_keep_who_when_why_and_what_was_overruled(project: Any, outcome: Outcome) -> None:
    project.judged(outcome)
    made = over(project)
    override = f"the gate did not let it pass ({outcome}: ranks)"
    assert (made.override, made.outcome, made.why) == (override, outcome.value, WHY)
    for name in (f"{NAME}@v0.1.0", f"{NAME}#prod#1"):
        told = trailers(project, name)
        assert told["Override"] == override
        assert told["Outcome"] == outcome.value
        assert told["Because"] == WHY
        assert told["By"] == "Ada <ada@example.com>"
        assert told["Champion"] == NONE
        assert told["Verdict"] == digests.digest_file(project.root / layout.VERDICT)


def test_a_gate_that_refuses_after_one_that_passed_is_one_reason_overruled_in_two_sentences(
    project: Any,
) -> None:
    project.judged()
    up(project)
    project.train("two")
    project.refuse()
    project.commit()
    unbound = (
        "DVC keeps no output of a gate that did not pass, so the verdict in the commit is not in "
        "dvc.lock"
    )
    with pytest.raises(PromotionRefused) as caught:
        up(project)
    (verdict,) = caught.value.lines()
    assert "the gate did not let it pass" in verdict
    made = over(project)
    assert made.override == f"the gate did not let it pass (FAIL: ranks); {unbound}"
    assert (made.outcome, made.verdict) == (
        "FAIL",
        digests.digest_file(project.root / layout.VERDICT),
    )


def test_a_report_edited_beside_a_gate_that_refused_is_still_named(project: Any) -> None:
    project.judged()
    project.refuse()
    project.write(layout.EVALUATION, "{}")
    project.commit()
    made = over(project)
    assert "evaluate: its output reports/evaluate/evaluation.json was changed" in made.override
    assert (made.outcome, made.verdict) == (NONE, versions.UNKNOWN)


def test_a_verdict_that_is_missing_or_about_something_else_is_no_evidence(project: Any) -> None:
    project.judged(data=f"sha256:{'0' * 64}")
    made = over(project)
    assert (made.outcome, made.verdict) == (NONE, versions.UNKNOWN)
    assert "the verdict is about another data" in made.override
    project.train("two")
    (project.root / layout.VERDICT).unlink()
    project.commit()
    made = over(project)
    assert "there is no verdict on this bundle (the commit holds none)" in made.override
    assert "reports/gate/verdict.json is kept by neither git nor DVC" in made.override
    (_, second) = versions.read_state(project.root, NAME).histories["prod"]
    assert (second.outcome, second.verdict, second.champion) == (NONE, None, "v0.1.0")


def test_a_plain_promotion_keeps_its_evidence_and_no_override(project: Any) -> None:
    first = up(project)
    assert (first.outcome, first.override) == ("PASS", None)
    project.another("two")
    over(project)  # nothing stood against it
    told = trailers(project, f"{NAME}#prod#2")
    assert "Override" not in told
    assert (told["Outcome"], told["Champion"]) == ("PASS", "v0.1.0")


def test_a_verdict_against_an_older_champion_is_refused_until_overruled(project: Any) -> None:
    up(project)
    project.train("two")
    project.judge(
        champion=JudgedChampion(state="compared", version="v0.0.9", bundle=f"sha256:{'0' * 64}")
    )
    project.commit()
    with pytest.raises(PromotionRefused, match="the verdict is about another champion"):
        up(project)
    assert "another champion" in over(project).override


def test_what_nobody_could_score_with_is_never_overruled(project: Any) -> None:
    project.judged(Outcome.FAIL)
    for kept in (".dvc/cache", BUNDLES):
        shutil.rmtree(project.root / kept, ignore_errors=True)
    with pytest.raises(PromotionRefused, match="cannot be had from DVC"):
        over(project)
    project.write("new.py", "")
    with pytest.raises(PromotionRefused, match="differs from the commit"):
        over(project)
    assert project.tag_names() == set()


def test_it_shows_for_good_also_after_the_way_back(
    project: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.judged(Outcome.FAIL)
    root = ("--root", str(project.root))
    assert main(["promote", "--override", "--because", WHY, *root]) == 0
    assert "overridden: the gate did not let it pass" in capsys.readouterr().out
    project.another("two")
    up(project)
    back = rollback(project.root, project.params, because="two errs").version
    assert back.override == "the gate did not let it pass (FAIL: ranks)"
    told = trailers(project, f"{NAME}#prod#3")
    assert (told["Kind"], told["Outcome"], told["Champion"]) == ("rollback", "FAIL", "v0.2.0")
    assert told["Override"] == back.override

    capsys.readouterr()
    assert main(["versions", "--json", *root]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert [each["override"] for each in tree["versions"]] == [None, back.override]
    assert [each["override"] is not None for each in tree["history"]] == [True, False, True]
    assert [each["outcome"] for each in tree["history"]] == ["FAIL", "PASS", "FAIL"]
    monkeypatch.setenv("COLUMNS", "250")
    assert main(["versions", *root]) == 0
    shown = capsys.readouterr().out
    assert "FAIL, overridden" in shown
    assert shown.count("OVERRIDDEN: the gate did not let it pass (FAIL: ranks)") == 2
    assert "two errs" in shown

    told = shown_by("status", status.run, project.root, project.params)
    champion = json.loads(to_json(told))["champion"]
    assert (champion["verdict"], champion["override"]) == ("FAIL", back.override)
    assert "OVERRIDDEN by a person: the gate did not let" in capsys.readouterr().out


def test_status_says_none_where_there_was_no_verdict(project: Any) -> None:
    (project.root / layout.VERDICT).unlink()
    project.commit()
    over(project)
    told = status.run(project.root, project.params)
    assert json.loads(to_json(told))["champion"]["verdict"] == NONE


def test_the_history_of_another_stage_by_the_command_line(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    root = ("--root", str(project.root))
    assert main(["promote", "--override", *root]) == UsageError.exit_code
    assert main(["promote", "--stage", "shadow", "--because", "look", *root]) == 0
    capsys.readouterr()
    assert main(["versions", "--stage", "shadow", "--json", *root]) == 0
    (move,) = json.loads(capsys.readouterr().out)["history"]
    assert (move["stage"], move["kind"], move["why"]) == ("shadow", "promote", "look")
    assert main(["versions", "--json", *root]) == 0
    assert json.loads(capsys.readouterr().out)["history"] == []


COMMIT = "1" * 40


def read_back(trailers: dict[str, str | None]) -> PromotionEvidence:
    event = tags.parse_tag(
        Tag("m1@v0.1.0", COMMIT, "Ada", 1, "", tags.write_message("m1", trailers))
    )
    assert event is not None
    return parse_evidence(event)


def test_evidence_is_read_as_it_was_written_and_foreign_words_are_unknown() -> None:
    given = PromotionEvidence(
        verdict=f"sha256:{'a' * 64}", outcome="FAIL", champion="v0.1.0", override="it failed"
    )
    lines = {**given.trailers(), "Commit": COMMIT, "Bundle": f"sha256:{'b' * 64}"}
    assert read_back(lines) == given
    assert read_back({**lines, "Outcome": "FINE"}) == replace(given, outcome=None)
    for key in ("Commit", "Bundle"):
        assert read_back({**lines, key: f"sha256:{'1' * 40}"}) == replace(given, outcome=None)
    unjudged = {**lines, "Verdict": None, "Outcome": NONE, "Champion": NONE}
    assert read_back(unjudged) == replace(given, verdict=None, outcome=NONE, champion=None)
    assert format_override([]) is None
