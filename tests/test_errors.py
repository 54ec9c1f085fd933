"""The tree of errors: one line, one exit code each, intact after a trip through pickle."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from assay import errors
from assay.cli import __main__ as cli
from assay.errors import AssayError, NightNotFound, ParamsError, UsageError, machine
from assay.errors.base import mask_passwords, set_private
from assay.errors.codes import explain, kinds


def subclasses(kind: type[AssayError]) -> list[type[AssayError]]:
    """All below, as the tree names them; other modules may refine a leaf under its own code."""
    found = [sub for sub in kind.__subclasses__() if sub.__module__ == errors.__name__]
    return [kind, *(below for sub in found for below in subclasses(sub))]


def leaves() -> list[type[AssayError]]:
    return [kind for kind in subclasses(AssayError) if len(subclasses(kind)) == 1]


def test_every_leaf_has_an_exit_code_of_its_own():
    codes = [kind.exit_code for kind in leaves()]
    assert len(set(codes)) == len(codes)
    assert not {0, 1, errors.UNFORESEEN, errors.INTERRUPTED} & set(codes)


def test_every_kind_explains_itself():
    for kind in kinds():
        assert {"exit_code", "cause", "advice"} <= vars(kind).keys(), kind
        assert kind.__doc__
    assert len(explain(None).codes) == len(list(kinds())) + 4


def test_a_code_and_a_name_are_the_same_question():
    assert explain("42") == explain("PromotionRefused")
    for word in ("99", "Promotion", ""):
        with pytest.raises(UsageError, match="no error has this code"):
            explain(word)


def test_the_command_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "51"]) == 0
    printed = capsys.readouterr().out
    assert "RunHeld" in printed and "assay release RUN" in printed
    assert cli.main(["explain", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["codes"] == [
        asdict(each) for each in explain(None).codes
    ]
    assert cli.main(["explain", "99"]) == UsageError.exit_code


def test_the_documentation_lists_them_all() -> None:
    text = (Path(__file__).parents[1] / "docs/errors.md").read_text(encoding="utf-8")
    listed = [line for line in text.splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert listed == [
        f"| {each.code} | {each.name and f'`{each.name}`'} | {each.what} | {each.advice} |"
        for each in explain(None).codes
    ]


def test_the_message_is_one_line_with_all_its_parts():
    error = NightNotFound("no\nsuch night", where="data", expected="a", found="b", fix="Do c.")
    assert error.line() == "data: no such night (expected a, found b). Do c."
    assert str(error) == error.line()


def test_errors_survive_the_way_back_from_a_worker():
    for error in (NightNotFound("x", where="y", found="z"), ParamsError(["one", "two"])):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert again.lines() == error.lines()
        assert str(again) == str(error)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ada:s3cret@db:5432/x", "postgresql://ada:***@db:5432/x"),
        ("jdbc:postgresql://ada:s3/c#r?et@db", "jdbc:postgresql://ada:***@db"),
        ("found 'postgres://ada:two words@db'", "found 'postgres://ada:***@db'"),
        ("https://:token@host and //u:p@h", "https://:***@host and //u:***@h"),
        ("?user=a&password=s3cret&x=1", "?user=a&password=***&x=1"),
        ("http://127.0.0.1:8000: see late@v1", "http://127.0.0.1:8000: see late@v1"),
        ("night 2013-07-01: late-flights@v0.1.0", "night 2013-07-01: late-flights@v0.1.0"),
    ],
)
def test_no_message_repeats_a_password(text: str, shown: str) -> None:
    assert mask_passwords(text) == shown
    assert UsageError("no", found=text).line() == f"no (found {shown})"
    assert ParamsError([text]).lines() == [shown]
    assert mask_passwords(shown) == shown


@pytest.fixture
def private() -> Iterator[None]:
    set_private(frozenset({"who"}))
    yield
    set_private(frozenset())


@pytest.mark.parametrize(
    ("kind", "work"),
    [
        (pa.ArrowInvalid, lambda: pa.array(["ada@example.org"]).cast(pa.float64())),
        (pa.ArrowInvalid, lambda: pa.array([1, "ada@example.org"])),
        (pa.ArrowInvalid, lambda: pa.array(["ada@example.org"]).cast(pa.timestamp("us"))),
        (
            pa.ArrowInvalid,
            lambda: pacsv.read_csv(io.BytesIO(b"a,b\n1,2\n3,4,ada@example.org\n")),
        ),
        (ValueError, lambda: float("ada@example.org")),
        (ValueError, lambda: int("ada@example.org")),
        (ValueError, lambda: np.array(["ada@example.org"]).astype(float)),
        (ValueError, lambda: pd.to_numeric(pd.Series(["ada@example.org"]))),
        (ValueError, lambda: datetime.strptime("ada@example.org", "%Y")),
    ],
)
def test_no_message_quotes_a_cell_where_some_are_private(
    private: None, kind: type[Exception], work: Callable[[], object]
) -> None:
    with pytest.raises(kind) as caught:
        work()
    assert "ada@example.org" in str(caught.value)
    error = UsageError("cannot be read", found=str(caught.value), fix="Look at the file.")
    assert "ada" not in str(error) and "ada" not in json.dumps(error.plain())
    assert "(masked)" in error.line() and error.line().endswith("Look at the file.")
    assert "ada" not in ParamsError([str(caught.value)]).lines()[0]


def test_a_cell_is_quoted_where_none_is_private() -> None:
    error = UsageError("cannot be read", found="Failed to parse string: '12 ' as a scalar")
    assert "'12 '" in error.line()


def test_an_argument_in_the_wrong_place_is_not_repeated_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["export", "--date", "d", "--to", "x", "postgresql://ada:s3cret@db/x"])
    told = capsys.readouterr().err
    assert "s3cret" not in told and "postgresql://ada:***@db/x" in told


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EMFILE, os.strerror(errno.EMFILE), "part-0"),
        RuntimeError('Failed to create a tokio runtime, message: "Too many open files"'),
    ],
)
def test_a_limit_on_open_files_is_named_whoever_meets_it(error: Exception) -> None:
    found = machine.from_os_error(error)
    assert found is not None and "ulimit -n" in found.line() and "disk" not in found.line()
