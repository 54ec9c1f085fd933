"""Lines and cells of text: nothing is lost between pieces, and what Arrow cuts is cut alike."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from assay.formats.files import cells
from assay.formats.files.cells import TOO_LONG, CellCutter, Piece, cut_file, json_lines, line_blocks
from assay.project.params.inputs import CsvOptions


def lines(pieces: list[Piece]) -> list[bytes]:
    found = []
    for piece in pieces:
        with Path(piece.path).open("rb") as source:
            found += [line for block in line_blocks(piece, source) for line in block.splitlines()]
    return found


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
            patch.setattr(cells, name, value)
        assert lines(cut_file(str(path), len(data), longest)) == expected


def test_a_byte_order_mark_is_no_text_but_at_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n")
    expected = [b"a", b"\xef\xbb\xbfb"]
    for longest in (3, 4, 5, 6, 100):
        assert lines(cut_file(str(path), path.stat().st_size, longest)) == expected


CELLS = st.text(st.sampled_from('ab ,"\t\0\ufeffé#'), max_size=3) | st.sampled_from(
    ["", "NA", '""', '"a"', '"a,b"', '"NA"', '" a" ', "\ufffd", '"a""b"', '""""', '"\n"']
)


@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=3), min_size=1, max_size=5),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    last=st.booleans(),
    null=st.sampled_from(["", "NA"]),
    comment=st.sampled_from([None, "#"]),
    encoding=st.sampled_from(["UTF-8", "ISO-8859-1"]),
    multi_line=st.booleans(),
)
def test_blocks_that_arrow_cuts_have_the_cells_of_their_lines(
    rows: list[list[str]],
    end: str,
    last: bool,
    null: str,
    comment: str | None,
    encoding: Any,
    multi_line: bool,
) -> None:
    options = CsvOptions(nullValue=null, comment=comment, encoding=encoding, multiLine=multi_line)
    end = "\n" if multi_line and end == "\r" else end
    block = (end.join(",".join(row) for row in rows) + end * last).encode(encoding, "replace")
    header = ",".join(rows[0]) if len(rows) > 3 and "\n" not in "".join(rows[0]) else None
    cutter = CellCutter(2, options)
    found = cutter._plain(block, header)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CellCutter, "_plain", lambda *_: None)
        expected, uncut = cutter.cut(block, header)
    if found is not None:
        event("cut by Arrow")
        assert [each.to_pylist() for each in found] == [each.to_pylist() for each in expected]
        assert uncut.null_count == len(uncut)


@pytest.mark.parametrize(
    ("options", "line", "expected"),
    [
        ({}, 'a,"b, ""c"""', ["a", 'b, "c"']),
        ({}, 'a"b," c" ', ['a"b', " c"]),
        ({}, '"",NA', [None, "NA"]),
        ({"nullValue": "NA"}, '"",NA', [None, None]),
        ({"sep": ";", "quote": "'", "escape": "'"}, "'a;''';\"b\"", ["a;'", '"b"']),
        ({"escape": "\\"}, r'"a\"b\\",C:\dir', ['a"b\\', r"C:\dir"]),
        ({"escape": "\\"}, r'"a\nb",a\"b', [r"a\nb", r"a\"b"]),
        ({"multiLine": True}, '"a\n""b",c', ['a\n"b', "c"]),
    ],
)
def test_cells_of_a_line(options: Any, line: str, expected: list[str | None]) -> None:
    cells, uncut = CellCutter(2, CsvOptions.model_validate(options)).cut(line.encode())
    assert [each.to_pylist() for each in cells] == [[cell] for cell in expected]
    assert uncut.to_pylist() == [None]


@pytest.mark.parametrize(
    "line", ["1", "1,2,3", '1,"2', '"1,2', '"1"x,2', '1,"2"x', f"{TOO_LONG}a line, long"]
)
@pytest.mark.parametrize("escape", ['"', "\\"])
def test_a_line_without_one_cell_a_column_is_kept_as_it_is(line: str, escape: Any) -> None:
    cutter = CellCutter(2, CsvOptions(escape=escape))
    (first, second), uncut = cutter.cut(f"1,2\n{line}\n5,6\n".encode())
    assert uncut.to_pylist() == [None, line, None]
    assert first.to_pylist() == ["1", None, "5"] and second.to_pylist() == ["2", None, "6"]


def test_bytes_that_are_no_text_are_replaced_in_their_cell_alone() -> None:
    (first, second), _ = CellCutter(2, CsvOptions()).cut(b"1,\xff\n2,a\n")
    assert (first.to_pylist(), second.to_pylist()) == (["1", "2"], ["\ufffd", "a"])


def test_blank_lines_of_json_are_left_out() -> None:
    found = json_lines("a\r\n \n\u2028é\n\n".encode() + b"\xff")
    assert found.to_pylist() == ["a", "\u2028é", "\ufffd"]


@pytest.mark.parametrize("escape", ['"', "\\"])
@given(cells=st.lists(st.sampled_from(["a", '"b\nc"', '"d""\n"', '""', "e\\"]), max_size=6))
def test_whole_rows_end_where_no_cell_is_open(escape: Any, cells: list[str]) -> None:
    pieces = cells if escape == '"' else [cell.replace('""', '\\"') for cell in cells]
    block = "".join(f"{cell},1\n" for cell in pieces).encode()
    cutter = CellCutter(2, CsvOptions(escape=escape, multiLine=True))
    assert cutter.whole_rows(block + b'"open\n') == len(block)
    assert len(cutter.lines(block)) == len(cells)
