"""Forgetting under faults: rows that are scored, refused, labelled, replaced and held."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import AssayError, RunHeld
from assay.project import params
from tests.faults.deeds import NIGHT, ROWS, SECOND, Deed, Labels, Release, Score, store_at

KEYS = "whose.csv"


def take_labels(root: Path) -> None:
    """Give the night truths, a run that was replaced, and one that is held again."""
    Release().prepare(root)()
    Labels().prepare(root)()
    with suppress(RunHeld):
        Score().prepare(root)()
    store = store_at(root)
    tables = (store.predictions(NIGHT), store.quarantine(NIGHT), store.predictions(SECOND))
    keys = "\n".join(str(table["parcel"][0].as_py()) for table in tables)
    (root / KEYS).write_text(f"parcel\n{keys}\n", encoding="utf-8")
    for folder in ("data/raw", "reports"):
        shutil.rmtree(root / folder)


class Forget(Deed):
    """A row that is scored, one that is refused, and one of the next night: three keys."""

    name, needs = "forget", "labelled"

    def prepare(self, root: Path) -> Callable[[], object]:
        from assay.ops import forget

        given = params.load(root)
        return lambda: forget.run(root, given, (), root / KEYS, "asked us to")

    def state(self, root: Path) -> str:
        store = store_at(root)
        try:
            wrong = [_whole(store, night) for night in (NIGHT, SECOND)]
            unfinished = [each for each in store.check() if each.table != "forgotten"]
            done = [each.done is not None for each in store.forget_acts()]
        except AssayError as error:
            return error.line()
        if any(wrong) or unfinished:
            return "; ".join([*filter(None, wrong), *(each.line() for each in unfinished)])
        left = _left_of(root)
        if all(done) and done and left:
            return f"done, and there is still {left}"
        return "after" if all(done) and done else "before"

    def goes_on(self, root: Path) -> str:
        self.prepare(root)()
        left = _left_of(root)
        rows = {night: store_at(root).predictions(night).num_rows for night in ROWS}
        if rows != {NIGHT: 46, SECOND: 49}:
            return f"then the nights have {rows}"
        found = self.state(root)
        return left or ("" if found == "after" else f"then {found}")


def _whole(store: Any, night: str) -> str:
    """What is wrong with a night whose rows are all there, but for one of each kind."""
    rows, refused = store.predictions(night), store.quarantine(night)
    many, few = ROWS[night]
    found = {
        "rows": rows.num_rows in (many, many - 1) and len(set(rows["parcel"].to_pylist())) > 45,
        "run": set(rows["run_id"].to_pylist()) == {store.visible_run(night)},
        "refused": refused.num_rows in (few, max(few - 1, 0)),
    }
    return "; ".join(f"the night's {name} are wrong" for name, right in found.items() if not right)


def _left_of(root: Path) -> str:
    """The files of the store that still hold a row of the keys."""
    place = Path(store_at(root).uri)
    keys = (root / KEYS).read_text(encoding="utf-8").split()
    held = []
    for path in place.rglob("*.parquet*"):
        if "_delta_log" in path.parts or path.stat().st_size < 12:
            continue
        try:
            table = pq.read_table(path, partitioning=None)
        except pa.ArrowInvalid:  # half of a file that was to be without them
            continue
        if "parcel" in table.column_names and set(keys) & {*map(str, table["parcel"].to_pylist())}:
            held.append(str(path.relative_to(place)))
    return ", ".join(held)
