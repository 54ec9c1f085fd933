"""An export that is replaced while it is scored is never published as a part of each of two."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest

from assay.errors import SourceError
from assay.project.params.inputs import Csv
from assay.score.inputs import formats as inputs
from assay.score.run import ScoredRun
from assay.score.together import score_night
from tests.scorer import NIGHT, Scorer

FILES = 5
REPLACED = (1, 3)


class Exports(Scorer):
    """A night in five files, two of which can be replaced by those of a later export."""

    def __init__(self, root: Path, spark: Any, kind: str) -> None:
        super().__init__(root, spark)
        whole = pq.read_table(self.file(), partitioning=None)
        later = whole.set_column(0, "parcel", pa.array([n + 10_000 for n in range(len(whole))]))
        self.old, self.later = set(whole["parcel"].to_pylist()), set(later["parcel"].to_pylist())
        self.folder, self.next = self.file().parent, root / "next"
        self.next.mkdir()
        self.file().unlink()
        share = len(whole) // FILES
        for number in range(FILES):
            for table, folder in ((whole, self.folder), (later, self.next)):
                part = table.slice(number * share, share)
                write = pq.write_table if kind == "parquet" else pcsv.write_csv
                write(part, folder / f"part-{number}.{kind}")
        if kind == "csv":
            self.set(input=Csv(format="csv", path="data/raw"))

    def replace(self) -> None:
        for file in sorted(self.next.iterdir()):
            if int(file.stem.rpartition("-")[2]) in REPLACED:
                file.replace(self.folder / file.name)

    def run(self, when: float | None) -> ScoredRun:
        """Score the night; its files are replaced once it was found, or seconds after that."""
        real = inputs.find_night
        thread = threading.Thread(target=lambda: (time.sleep(when or 0), self.replace()))

        def find(*given: Any) -> inputs.NightInput:
            found = real(*given)
            if thread.ident is None:
                thread.start()
                if when is None:
                    thread.join()
            return found

        with patch.object(inputs, "find_night", find):
            try:
                return score_night(
                    self.params, self.root, self.pinned, self.store, lambda: self.spark, NIGHT
                )
            finally:
                thread.join()

    def keys(self) -> set[int]:
        return set(self.store.predictions(NIGHT)["parcel"].to_pylist())


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_two_of_five_files_replaced_after_the_night_was_found(live: Path, spark, kind: str):
    exports = Exports(live, spark, kind)
    with pytest.raises(SourceError, match="changed while it was scored, so nothing was published"):
        exports.run(None)
    assert exports.store.partitions() == []
    assert exports.events() == ["failed"]
    again = exports.score()
    assert again.rows_scored == 50
    assert len(exports.keys() & exports.later) == 20


def test_files_replaced_at_any_moment_never_make_a_night_of_two_exports(live: Path, spark):
    exports, moment = Exports(live, spark, "parquet"), random.Random(11)
    began = time.monotonic()
    exports.score()
    whole = time.monotonic() - began
    folders = (exports.folder, exports.next)
    files = {path: path.read_bytes() for at in folders for path in at.iterdir()}
    for _ in range(6):
        for path, text in files.items():
            path.write_bytes(text)
        before = exports.seen()
        try:
            exports.run(moment.uniform(0, whole))
            assert exports.seen() != before
        except SourceError:
            assert exports.seen() == before
        assert exports.keys() == exports.old
