"""Lines and cells of text: nothing is lost between pieces, and what Arrow cuts is cut alike."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from assay.formats.files import lines as lines_module
from assay.formats.files.cells import CellCutter
from assay.formats.files.lines import MARK, TOO_LONG, Piece, cut_file, json_lines, line_blocks
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
            patch.setattr(lines_module, name, value)
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
        ({}, ' a, " c" ', [" a", " c"]),
        ({"quote": ""}, 'a"b,"c', ['a"b', '"c']),
        ({"quote": "", "multiLine": True}, 'a"b,"c', ['a"b', '"c']),
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
    "line",
    ["1", "1,2,3", '1,"2', '"1,2', '"1"x,2', '1,"2"x', '1"x",2', '1,2"', f"{TOO_LONG}a line, long"],
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
@given(
    cells=st.lists(st.sampled_from(["a", '"b\nc"', '"d""\n"', '""', "e\\", ' "é,\r\n" '])),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    mark=st.sampled_from([b"", MARK]),
    size=st.integers(3, 30),
)
def test_rows_are_whole_wherever_a_block_ends(
    escape: Any, cells: list[str], end: str, mark: bytes, size: int
) -> None:
    pieces = cells if escape == '"' else [cell.replace('""', '\\"') for cell in cells]
    rows = [f"{cell},1" for cell in pieces]
    source = io.BytesIO(mark + "".join(row + end for row in rows).encode())
    cutter = CellCutter(2, CsvOptions(escape=escape, multiLine=True))
    blocks = list(cutter.row_blocks(source, "a.csv", size))
    assert [line for block in blocks for line in cutter.lines(block)] == rows
    assert [cutter.cut(block)[1].null_count for block in blocks] == [
        len(cutter.lines(block)) for block in blocks
    ]


def spanning(text: str, size: int, **options: Any) -> list[tuple[str | None, str | None]]:
    """The second cell of each row, or the row if it cannot be cut."""
    cutter = CellCutter(2, CsvOptions.model_validate({"multiLine": True, **options}))
    found = []
    for block in cutter.row_blocks(io.BytesIO(text.encode()), "a.csv", size):
        (_, second), uncut = cutter.cut(block)
        found += list(zip(second.to_pylist(), uncut.to_pylist(), strict=True))
    return found


GOOD = [f"{number},x{number}" for number in range(20)]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("damaged", ['99,"x', '9"9,x', '"99,x', '99,"x"y'])
@pytest.mark.parametrize("place", [0, 10, 20])
@pytest.mark.parametrize("later", ['77,"a\nb"', "77,c"])
def test_one_odd_quote_costs_its_own_line(size: int, damaged: str, place: int, later: str) -> None:
    lines = [*GOOD[:place], damaged, *GOOD[place:], later]
    found = spanning("".join(f"{line}\n" for line in lines), size)
    good = [(line.split(",")[1].strip('"'), None) for line in GOOD]
    last = (later[3:].strip('"'), None)
    assert found == [*good[:place], (None, damaged), *good[place:], last]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_text_of_several_lines_that_is_damaged_becomes_no_rows(size: int) -> None:
    note = '5,"a text\nof several lines\nwithout a separator" and more'
    found = spanning(f"{GOOD[0]}\n{note}\n{GOOD[1]}\n", size)
    assert found == [("x0", None), (None, note), ("x1", None)]


def test_a_comment_may_hold_a_quote_where_cells_span_lines() -> None:
    text = f'# "\n{GOOD[0]}\n#"x\n{GOOD[1]}\n'
    assert spanning(text, 7, comment="#") == [("x0", None), ("x1", None)]


def test_bytes_that_are_no_text_stay_in_their_row_where_cells_span_lines() -> None:
    cutter = CellCutter(2, CsvOptions(multiLine=True))
    blocks = cutter.row_blocks(io.BytesIO(b'1,"\xff\n"\n2,x"\n'), "a.csv")
    cut = [cutter.cut(block) for block in blocks]
    assert [each for (_, second), _ in cut for each in second.to_pylist()] == ["\ufffd\n", None]
    assert [each for _, uncut in cut for each in uncut.to_pylist()] == [None, '2,x"']
