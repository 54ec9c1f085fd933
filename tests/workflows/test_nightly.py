"""nightly.yml where it must not go on, and where somebody types what is no day."""

from __future__ import annotations

from tests.workflows.world import World


def test_without_a_bucket_it_refuses_to_pretend(team: World) -> None:
    team.start(bucket=False)
    done = team.night("2024-03-01", "2024-03-01")
    assert done.failed == ["assay check --bucket"], done.output
    assert "a runner is thrown away with all nights in it" in done.output
    assert "dvc remote add --default NAME URL" in done.output
    assert "Monitor" not in done.ran


def test_without_a_version_it_is_red_and_an_input_is_never_run(ready: World) -> None:
    ready.call("git", "push", "--quiet", "origin", "HEAD:main")
    done = ready.night("2024-03-01", "$(touch pwned)", "`touch pwned`")
    assert "Score what was named" in done.failed, done.output
    assert "not a day" in done.output
    # Whatever it was, everything after it ran.
    assert {"Take the labels that arrived", "Monitor", "Keep the issues up to date"} <= {*done.ran}
    assert not list(ready.folder.rglob("pwned"))
