"""Text without Spark: no line is lost between pieces, and cells are Spark's."""

from __future__ import annotations

import gzip
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from assay.contract.text.text_parser import TOO_LONG
from assay.errors import SourceError
from assay.project.params.inputs import Csv, CsvOptions, Json
from assay.score.inputs import frame_text, text_lines, text_rows
from assay.score.inputs.text_blocks import split_block, split_plain_lines
from assay.score.inputs.text_cells import split_lines
from assay.score.inputs.text_lines import Piece, cut_file, line_blocks
from assay.score.inputs.text_rows import TextPart, can_read, split_text, text_table
from assay.score.inputs.types import FileGroup, InputTable, NightInput

COLUMNS = ("x", "y", "z")
JSON = Json(format="json", path="in")
LINES = 3000


def lines(pieces: list[Piece]) -> list[bytes]:
    return [line for piece in pieces for block in line_blocks(piece) for line in block.splitlines()]


@given(
    content=st.lists(st.sampled_from([b"aaa", "é".encode(), b"\n", b"\r", b"\r\n", b" "])),
    longest=st.integers(1, 9),
    block=st.integers(1, 9),
)
def test_pieces_have_each_line_once(
    tmp_path_factory: pytest.TempPathFactory, content: list[bytes], longest: int, block: int
) -> None:
    data = b"".join(content)
    path = tmp_path_factory.mktemp("lines") / "a.csv"
    path.write_bytes(data)
    expected = []
    for found in re.finditer(rb"([^\r\n]*)(?:\r\n|\r|\n|$)", data):
        line, length = found[1], found.end() - found.start()
        if length > 9:
            event("too long")
            about = f"{TOO_LONG}a line of {length} bytes at byte {found.start()} of {path}: "
            line = about.encode() + line[:2]
        expected += [line] * (length > 0)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("BLOCK", block), ("MOST_LINE", 9), ("SHOWN", 2)):
            patch.setattr(text_lines, name, value)
        assert lines(cut_file(str(path), len(data), longest)) == expected


def test_a_byte_order_mark_is_no_text_but_at_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n")
    expected = [b"a", b"\xef\xbb\xbfb"]
    for longest in (3, 4, 5, 6, 100):
        assert lines(cut_file(str(path), path.stat().st_size, longest)) == expected


def test_what_is_compressed_is_one_piece(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a\nb\r\nc"))
    (piece,) = cut_file(str(path), path.stat().st_size, longest=2)
    assert lines([piece]) == [b"a", b"b", b"c"]
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(SourceError, match=r"a\.csv\.gz: cannot be read"):
        lines([piece])


@pytest.mark.parametrize(
    "options",
    [{}, {"nullValue": "NA"}, {"sep": ";", "quote": "'", "escape": "'"}, {"comment": "#"}],
    ids=["plain", "null", "semicolon", "comment"],
)
def test_lines_are_cut_into_the_cells_that_spark_finds(
    spark: Any, tmp_path: Path, options: dict[str, str]
) -> None:
    found = CsvOptions.model_validate(options)
    drawn = random.Random(7)
    letters = ["a", "b", " ", "\t", "é", "NA", "#", found.quote, found.quote, found.sep, found.sep]
    text = ["".join(drawn.choices(letters, k=drawn.randint(1, 12))) for _ in range(LINES)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(text))
    spec = Csv(format="csv", path="in", columns=COLUMNS, options=found)
    group = FileGroup((str(path),), COLUMNS, None, (path.stat().st_size,))
    expected = [tuple(row) for row in frame_text.cells(spark.read, spec, group).collect()]
    (part,) = split_text(InputTable(spec, "in", (group,)))
    own = [tuple(row.values()) for batch in part.batches(500) for row in batch.to_pylist()]
    assert len(own) > LINES / 2
    assert sorted(own, key=repr) == sorted(expected, key=repr)


CELLS = st.text(st.sampled_from('ab ,"\\t\\0\\ufeffé#'), max_size=3) | st.sampled_from(
    ["", "NA", '""', '"a"', '"a,b"', '"NA"', '" a" ', "\ufffd"]
)


@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=3), min_size=1, max_size=5),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    last=st.booleans(),
    null=st.sampled_from(["", "NA"]),
    comment=st.sampled_from([None, "#"]),
    encoding=st.sampled_from(["UTF-8", "ISO-8859-1"]),
)
def test_blocks_that_arrow_splits_have_the_cells_of_their_lines(
    rows: list[list[str]], end: str, last: bool, null: str, comment: str | None, encoding: str
) -> None:
    options = CsvOptions(nullValue=null, comment=comment, encoding=encoding)  # type: ignore[arg-type]
    text = end.join(",".join(row) for row in rows) + end * last
    block = text.encode(encoding, errors="replace")
    header = ",".join(rows[0]) if len(rows) > 3 else None
    found = split_block(block, 2, header, options)
    group = FileGroup(("a",), ("x", "y"), header, (1,))
    part = TextPart(Csv(format="csv", path="in", options=options), group, (), ("x", "y"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_rows, "split_block", lambda *_: None)
        expected = part._batch(block, header)
    if found is not None:
        event("split by Arrow")
        assert [each.to_pylist() for each in found] == [
            each.to_pylist() for each in expected.columns[:2]
        ]
        assert expected.column(2).null_count == expected.num_rows


@given(st.lists(st.sampled_from([b"a", "\u2028é".encode(), b"\xff", b"\n", b"\r\n", b" ", b"\0"])))
def test_lines_that_arrow_splits_are_the_same_lines(pieces: list[bytes]) -> None:
    block = b"".join(pieces)
    found = split_plain_lines(block)
    part = TextPart(JSON, FileGroup(("a",)), (), ())
    assert (found is None) == (b"\r" in block or b"\xff" in block)
    assert found is None or found.to_pylist() == part._lines(block)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (b"h,i\n1,2\n,NA\n", [["1", None], ["2", None]]),
        (b'h,i\r\n"1,",""\r\n\r\n"x",y', [["1,", "x"], [None, "y"]]),
        (b'1,"a""b"\n', None),
        (b'1,"a"b\n', None),
        (b"1,2\n3\n", None),
        (b"1,2\nh,i\n", [["1", "h"], ["2", "i"]]),
        (b"\nh,i\n1,2\n", None),
        (TOO_LONG.encode() + b"a line, long\n", None),
        (b"1,\xff\n", None),
    ],
)
def test_only_blocks_that_cannot_differ_are_left_to_arrow(
    block: bytes, expected: list[list[str]] | None
) -> None:
    header = "h,i" if block.strip().startswith(b"h,i") else None
    found = split_block(block, 2, header, CsvOptions(nullValue="NA"))
    assert (found and [each.to_pylist() for each in found]) == expected


def test_a_line_without_one_cell_a_column_is_kept_as_it_is() -> None:
    given = ["1,2", "1", "1,2,3", '1,"2', '"1,2",3']
    first, second, refused = (cells.to_pylist() for cells in split_lines(given, 2, CsvOptions()))
    assert refused == [None, "1", "1,2,3", '1,"2', None]
    assert (first[0], second[0], first[4], second[4]) == ("1", "2", "1,2", "3")


def test_small_files_share_a_part_and_a_large_one_has_several() -> None:
    sizes = (10, 10, 10, 95, 5)
    group = FileGroup(tuple(f"{n}.json" for n in range(5)), (), None, sizes)
    parts = split_text(InputTable(JSON, "in", (group,)), longest=30)
    assert [[(p.path[0], p.start, p.stop) for p in part.pieces] for part in parts] == [
        [("0", 0, 10), ("1", 0, 10), ("2", 0, 10)],
        [("3", 0, 30)],
        [("3", 30, 60)],
        [("3", 60, 90)],
        [("3", 90, 95), ("4", 0, 5)],
    ]


@pytest.mark.parametrize(
    ("options", "expected"), [({}, True), ({"escape": "\\"}, False), ({"multiLine": True}, False)]
)
def test_what_only_spark_reads_as_spark_is_left_to_it(options: Any, expected: bool) -> None:
    spec = Csv(format="csv", path="in", options=CsvOptions.model_validate(options))
    night = night_of(spec, "a.csv")
    assert can_read(spec) == (text_table(night) is not None) == expected


def test_a_compression_that_arrow_reads_otherwise_is_left_to_spark() -> None:
    assert text_table(night_of(JSON, "a.json.gz")) is not None
    assert text_table(night_of(JSON, "a.json.lz4")) is None


def night_of(spec: Any, name: str) -> NightInput:
    table = InputTable(spec, "in", (FileGroup((name,), COLUMNS, None, (1,)),))
    return NightInput("2024-03-01", "day", "in", text=True, tables={"": table})
