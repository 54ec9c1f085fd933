"""gate.yml on a pull request: what is judged, what is said, and to whom."""

from __future__ import annotations

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.workflows.test_promote import judged
from tests.workflows.world import TABLE, World


def test_a_stranger_s_pull_request_gets_a_verdict_and_no_comment(ready: World) -> None:
    """No role, nothing of the bucket, no right to write; names are shell, and stay names.

    The table is public, and lies in git.
    """
    ready.call("dvc", "remove", f"{TABLE}.dvc")
    ready.commit("Publish the table")
    evil = "$(touch pwned)`touch pwned`;touch pwned"
    ready.call("git", "checkout", "--quiet", "-B", "$(touch${IFS}pwned)")
    number = ready.open_pull(f"{evil} <!-- --> </details> @all #1 |")
    ready.hub.pulls[number]["user"]["login"] = "x$(id)"
    ready.hub.refuse("(POST|PATCH) ", 403)
    done = ready.gate(number, fork=True, job="judge")
    assert done.code == 0, done.output
    assert "Get what was trained elsewhere" not in done.ran
    assert "Running stage 'train@linear'" in done.output
    assert "comes from a fork and gets no comment" in done.output
    assert "Summary - <!-- assay:gate:parcels -->" in done.output
    assert ready.comments(number) == []
    assert not list(ready.folder.rglob("pwned"))


def test_the_second_of_two_pull_requests_is_judged_again_in_a_merge_queue(ready: World) -> None:
    """It takes main in without a conflict, and is compared with what the first one promoted."""
    ready.branch("other")
    ready.keep_candidate("linear")
    ready.edit("params.yaml", "seed: 1 ", "seed: 2 ")
    ready.call("dvc", "repro")
    ready.commit("Another seed")
    ready.call("git", "checkout", "--quiet", "model")
    merged = ready.merge(judged(ready), "squash")
    assert ready.promote(merged).code == 0
    ready.call("git", "checkout", "--quiet", "other")
    # As the gate says it: a pull of one branch would bring no tag, so no champion.
    ready.call("git", "fetch", "--quiet", "--tags", "origin")
    ready.call("git", "merge", "--quiet", "origin/main")
    ready.call("dvc", "repro")
    ready.call("dvc", "push")
    ready.commit("Judge beside the new champion")
    number = ready.open_pull("Another seed")
    done = ready.queue(number)
    assert done.code == 0, done.output
    assert "role reader" in done.output and "role writer" not in done.output
    assert "Summary - <!-- assay:gate:parcels -->" in done.output
    assert "v0.1.0" in (ready.laptop / "reports" / "gate" / "verdict.json").read_text()


def test_what_was_not_committed_is_not_let_through(ready: World) -> None:
    """A passing model whose author committed another verdict than the gate's."""
    verdict = ready.laptop / "reports" / "gate" / "verdict.json"
    text = verdict.read_text()
    bundle = text.partition('"bundle": "')[2][:71]
    verdict.write_text(text.replace(bundle, "sha256:" + "0" * 64))
    ready.commit("Forge")
    number = ready.open_pull("Trust me")
    done = ready.gate(number, job="judge")
    assert done.failed == ["The verdict is PASS, and the one that was committed"], done.output
    assert "this run of the gate does not say what was committed" in done.output


def test_edited_rows_are_not_let_through(ready: World) -> None:
    """Most labels made what a column says, and everything after them made again: it agrees."""
    for path in (ready.laptop / "data" / "raw").rglob("*.parquet"):
        table = pq.read_table(path)
        at = table.column_names.index("late")
        # Not all: a label that one column ranks without an error is no leakage that passes.
        easy = pc.if_else(table["express"], table["late"], pc.greater(table["weight"], 20))
        pq.write_table(table.set_column(at, "late", easy), path)
    ready.call("dvc", "commit", "--quiet", "--force", "ingest")
    ready.call("dvc", "repro", "--quiet")
    ready.call("dvc", "push", "--quiet")
    ready.commit("Forge")
    done = ready.gate(ready.open_pull("Better labels"), job="judge")
    assert done.failed == ["The rows are those of the source"], done.output
    assert "the rows are not those that data.source.rows gives" in done.output


def test_without_a_remote_it_says_what_cannot_be_compared_and_how_to_add_one(
    ready: World,
) -> None:
    ready.call("dvc", "remote", "remove", "team")
    ready.commit("No remote")
    number = ready.open_pull("No remote")
    done = ready.gate(number, job="judge")
    assert "no bundle can be compared with that of a promoted version" in done.output
    assert "dvc remote add --default NAME URL" in done.output


def test_whoever_changed_a_parameter_without_dvc_repro_hears_of_it_at_once(
    ready: World,
) -> None:
    ready.edit("params.yaml", "folds: 5", "folds: 6")
    ready.commit("Six folds")
    done = ready.gate(ready.open_pull("Six folds"), job="lock")
    assert done.failed == [".venv/bin/assay check --lock"]
    assert "train.folds" in done.output


@pytest.mark.parametrize("there", [True, False])
def test_where_no_lock_is_committed_the_quick_check_says_so(ready: World, there: bool) -> None:
    if not there:
        ready.call("git", "rm", "--quiet", "dvc.lock")
        ready.commit("Without")
    done = ready.gate(ready.open_pull("Quick"), job="lock")
    assert done.code == 0, done.output
    assert ("Summary - dvc.lock is not committed" in done.output) is not there
