"""A bucket that refuses everything from some request on: nothing is half there, and it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from assay.errors import AssayError
from assay.score.stage import run as score
from assay.store.plans import file_digests
from tests import s3
from tests.plan.conftest import NIGHTS, Planner

pytest.importorskip("moto.server", reason="needs moto[server], which pretends to be S3")

DAYS = NIGHTS[:2]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3.serving() as url:
        yield url


@pytest.fixture
def bucket(endpoint: str, planner: Planner, monkeypatch: pytest.MonkeyPatch) -> Planner:
    """The project with its store in a bucket, and two published nights."""
    s3.use(endpoint, "lake", monkeypatch)
    planner.change_params(lambda text: text + "\nstore: s3://lake/store\n")
    score(planner.root, planner.params, *DAYS)
    return planner


def until_it_ends_well(endpoint: str, act: Callable[[], object], look: Callable[[], None]) -> int:
    """Do it with a bucket that fails after 8 requests, after 16, and so on; how often it failed."""
    for failed in count():
        s3.ask_for_keys(endpoint, str(8 << failed))
        try:
            act()
            return failed
        except AssayError as error:
            assert "store" in error.line() and "\n" not in error.line()
        finally:
            s3.ask_for_keys(endpoint, "inf")
        look()
    raise AssertionError("unreachable")


def test_a_bucket_that_fails_half_way(bucket: Planner, endpoint: str) -> None:
    seen = bucket.store.visible_runs()

    def nothing_else_is_seen() -> None:
        assert bucket.store.visible_runs() == seen
        for each in bucket.store.planned_runs():
            assert file_digests(bucket.store, each.staged(bucket.store)) == each.files

    failed = until_it_ends_well(
        endpoint, lambda: bucket.plan(first=DAYS[0], last=DAYS[1]), nothing_else_is_seen
    )
    assert failed >= 3
    bucket.promote()
    newest = bucket.store.planned_runs()[-2:]
    planned = {each.partition: each.run.run_id for each in newest}

    def all_or_none() -> None:
        assert bucket.store.visible_runs() in (seen, planned)

    failed = until_it_ends_well(endpoint, lambda: bucket.apply(exact=True), all_or_none)
    assert failed >= 3
    assert bucket.store.visible_runs() == planned
    for night, run in planned.items():
        (event,) = [each for each in bucket.store.run_events(night) if each.run_id == run]
        assert event.event == "published" and ", applied by " in event.detail
