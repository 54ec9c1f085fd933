"""No value of a private column is anywhere but where docs/privacy.md says that it is left."""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

import assay
from tests import projects
from tests.privacy import canaries
from tests.privacy.life import Life

EVERY = {
    *("kanariekunde", "kanariemail", "phone", "kanarienote"),
    *("kanariezeile", "kanariezelle", "kanariedatei"),
}
"""The key, two private columns, one of no contract; a line, a cell, and the name of a file."""

STORE = "project/store"
LEFT = {
    r"project/incoming/.*": EVERY,
    r"project/data/(raw|checked|prepared)/.*": EVERY,
    r"(new/data/)?table\.csv": EVERY,
    rf"{STORE}/(predictions|labels|quarantine)/.*: kunde": {"kanariekunde"},
    rf"{STORE}/quarantine/.*: private": EVERY,
    # What a file is called is told where it was read from.
    rf"{STORE}/labels/.*: source": {"kanariedatei"},
    rf"{STORE}/runs/.*: (detail|footer)": {"kanariedatei"},
    r"said/.*": {"kanariedatei"},
}
"""Where something may be, by a pattern of the place, as docs/privacy.md lists it."""


def _may_be(place: str) -> set[str]:
    return set().union(*(told for each, told in LEFT.items() if re.fullmatch(each, place)))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Life:
    life = Life(tmp_path_factory.mktemp("life"))
    life.invent()
    life.begin()
    life.train()
    life.live()
    return life


def test_nothing_private_is_left_but_where_it_must_be(lived: Life) -> None:
    for log in (lived.root / "store").glob("*/_delta_log"):
        DeltaTable(str(log.parent)).create_checkpoint()
    copies = {
        *canaries.md5s(lived.root / "data"),
        *canaries.md5s(lived.base / "new" / "data"),
    }
    found, seen = {}, set[str]()
    for place, told in canaries.search(lived.base).items():
        seen |= told
        cached = re.match(r".*\.dvc/cache/files/md5/(..)/([0-9a-f]+)", place)
        if cached and "".join(cached.groups()) in copies:
            continue
        if beyond := told - _may_be(place):
            found[place] = beyond
    assert found == {}
    assert seen == EVERY  # the search would have found them


def test_who_asks_sees_it_and_is_on_record(lived: Life) -> None:
    night = ["--date", "2024-03-03"]
    hidden = lived.assay("quarantine", "show", *night, "--json")
    shown = lived.assay("quarantine", "show", *night, "--json", "--show-private", "who was it")
    blank = lived.assay("quarantine", "show", *night, "--show-private", " ", code=2)
    out = "exports/asked.csv"
    lived.assay("export", "--date", "2024-03-04", "--to", f"csv:{out}", "--show-private", "mailing")
    told = DeltaTable(str(lived.root / "store/disclosed")).to_pandas().sort_values("at")
    assert canaries.kinds(hidden.encode()) == canaries.kinds(blank.encode()) == set()
    assert canaries.kinds(shown.encode()) == {"kanariekunde", "kanariemail", "phone"}
    assert canaries.kinds((lived.root / out).read_bytes()) == {"kanariekunde"}
    assert told[["because", "what", "partition"]].to_numpy().tolist() == [
        ["who was it", "quarantine show", "2024-03-03"],
        ["mailing", f"export to {out}", "2024-03-04"],
    ]
    assert told["by"].str.contains(projects.PERSON["NAME"]).all()


def test_python_reads_refused_rows_without_what_is_private(lived: Life) -> None:
    rows = assay.open_store(lived.root).quarantine("2024-03-05").to_table()
    assert rows.num_rows and "private" not in rows.column_names
    assert canaries.kinds(str(rows["row"].to_pylist()).encode()) == set()


def test_the_search_opens_what_is_packed(tmp_path: Path) -> None:
    bird = b"kanariemail-1"
    (tmp_path / "a.gz").write_bytes(gzip.compress(bird))
    with zipfile.ZipFile(tmp_path / "b.skops", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("c", gzip.compress(bird))
    numbers = pa.array([canaries.PHONE + 99_999], pa.int64())
    unused = pa.DictionaryArray.from_arrays(pa.array([0]), ["x", bird.decode()])
    pq.write_table(pa.table({"n": numbers, "d": unused}), tmp_path / "d.parquet")
    (tmp_path / "kanariekunde-1").write_text(json.dumps({"minValues": {"phone": canaries.PHONE}}))
    call = projects.call
    call(tmp_path, "git", "init", "--quiet")
    (tmp_path / "e").write_bytes(bird)
    call(tmp_path, "git", "add", "e")
    (tmp_path / "e").unlink()
    found = canaries.search(tmp_path)
    assert found == {
        "a.gz: unzipped": {"kanariemail"},
        "b.skops: c: unzipped": {"kanariemail"},
        "d.parquet: footer": {"phone"},
        "d.parquet: n": {"phone"},
        "d.parquet: d": {"kanariemail"},
        "kanariekunde-1": {"phone"},
        "kanariekunde-1 (its name)": {"kanariekunde"},
        ".git objects": {"kanariemail"},
    }
