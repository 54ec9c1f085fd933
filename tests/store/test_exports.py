"""What targets got, recorded once under each number."""

from __future__ import annotations

from collections.abc import Callable

from assay.store import Store
from assay.store.exports import Exported
from tests.store.conftest import Maker


def test_what_a_target_got_comes_back_in_order(store: Store) -> None:
    assert store.exports("csv:a") == []
    made = [Exported("p", "r1", 1, ".x", 3), Exported("q", "r2", 2, "", 0)]
    assert all(store.append_export("csv:a", each) for each in made)
    assert store.append_export("csv:b", Exported("q", "r2", 1))
    assert store.exports("csv:a") == made


def test_a_number_is_taken_once(store: Store) -> None:
    assert store.append_export("csv:a", Exported("p", "r1", 1))
    assert not store.append_export("csv:a", Exported("p", "r2", 1))
    assert not store.append_export("csv:a", Exported("p", "r2", 3))
    assert [each.run_id for each in store.exports("csv:a")] == ["r1"]
    assert store.append_export("csv:a", Exported("p", "r2", 2))


def test_of_many_who_record_one_number_at_once_one_does(
    make: Maker, at_once: Callable[..., list[Exception]]
) -> None:
    for first in (True, False):  # there is no table yet, and then there is
        number = len(make.store.exports("csv:a")) + 1
        done: list[bool] = []

        def record(which: int, number: int = number, done: list[bool] = done) -> None:
            done.append(make.store.append_export("csv:a", Exported("p", f"r{which}", number)))

        assert at_once(record, 4) == []
        assert (sorted(done), first) == ([False, False, False, True], first)
        assert len(make.store.exports("csv:a")) == number


def test_vacuum_keeps_what_targets_got(make: Maker) -> None:
    made = [Exported("p", f"r{number}", number) for number in range(1, 15)]
    for each in made:
        make.store.append_export("csv:a", each)
    make.age(90)
    make.store.vacuum(1)
    assert make.store.exports("csv:a") == made
    assert make.store.check() == []
