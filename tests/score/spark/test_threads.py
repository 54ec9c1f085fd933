"""Tasks that threads of this process do: all of them, or an error that one of them met."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pytest

from assay.errors import AssayError, SourceError
from assay.score.inputs import split as splits
from assay.score.inputs.split import RowGroups
from assay.score.inputs.types import InputFile
from assay.score.spark.threads import cores, run

FILES = tuple(InputFile(f"f{n}", 1, (10, 10)) for n in range(6))


@dataclass(frozen=True)
class Listing:
    """Says which row groups it got; of one file nothing, but an error."""

    bad: str = ""
    where: str = "files"
    batch_rows: int = 1

    def process_files(self, parts: Sequence[RowGroups], name: str) -> list[tuple[str, int]]:
        if any(part.path == self.bad for part in parts):
            raise SourceError("cannot be read", where=self.bad)
        return [(part.path, group) for part in parts for group in part.groups]

    def process_batches(self, batches: object, text: bool, name: str) -> list[tuple[str, int]]:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def many_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "SMALL", 0)
    monkeypatch.setattr(splits, "TASK_ROWS", 10)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_row_group_is_worked_on_once(threads: int) -> None:
    told: list[tuple[int, int]] = []
    pool = pa.default_memory_pool().backend_name
    found = list(run(FILES, Listing(), threads, lambda done, tasks: told.append((done, tasks))))
    assert [one for part in found for one in part] == [
        (file.path, group) for file in FILES for group in (0, 1)
    ]
    assert told == [(n + 1, len(found)) for n in range(len(found))]
    assert pa.default_memory_pool().backend_name == pool


def test_the_error_that_a_task_met_is_raised_here() -> None:
    with pytest.raises(AssayError, match="f3: cannot be read"):
        run(FILES, Listing(bad="f3"), 2, lambda done, tasks: None)


def test_after_an_error_the_tasks_that_wait_are_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    real = Listing.process_files

    def slow(work: Listing, parts: Sequence[RowGroups], name: str) -> list[tuple[str, int]]:
        begun.append(name)
        if len(begun) > 1:
            time.sleep(0.2)
        return real(work, parts, name)

    monkeypatch.setattr(Listing, "process_files", slow)
    with pytest.raises(AssayError, match="f0: cannot be read"):
        run(FILES, Listing(bad="f0"), 1, lambda done, tasks: None)
    assert len(begun) < 6


@pytest.mark.parametrize(
    ("master", "expected"),
    [
        ("local", 1),
        ("local[3]", 3),
        ("local[4,2]", 4),
        ("local[*]", os.cpu_count()),
        ("spark://10.0.0.1:7077", None),
        ("yarn", None),
        ("local-cluster[2,1,1024]", None),
    ],
)
def test_only_a_master_on_this_machine_asks_for_threads(master: str, expected: int | None) -> None:
    assert cores(master) == expected
