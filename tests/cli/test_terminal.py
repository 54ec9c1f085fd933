"""What people read: tables as wide as the terminal, and messages of rooms as they are."""

from __future__ import annotations

import io
import logging
import os
import sys

import pytest

from assay.cli.terminal import WIDTH, console, log_to_stderr, said_on_standard_error


@pytest.mark.parametrize(
    ("terminal", "columns", "width"),
    [(False, None, WIDTH), (False, "45", 45), (True, "60", 60)],
)
def test_how_wide(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, columns: str | None, width: int
) -> None:
    monkeypatch.setenv("TERM", "xterm")  # rich asks a dumb one for nothing
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    assert console().width == width


def test_what_came_from_data_is_no_style(capsys: pytest.CaptureFixture[str]) -> None:
    console().print("[bold]x[/bold]")
    assert capsys.readouterr().out == "[bold]x[/bold]\n"


def test_what_a_library_prints_from_c_is_not_on_standard_output(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with said_on_standard_error():
        os.write(1, b"from C\n")
    print("the command", flush=True)
    said = capfd.readouterr()
    assert said.out == "the command\n" and said.err == "from C\n"


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_stream_that_is_closed_is_left_so(monkeypatch: pytest.MonkeyPatch, closed: str) -> None:
    monkeypatch.setattr(sys, closed, None)
    with said_on_standard_error():
        assert getattr(sys, closed) is None


@pytest.fixture
def logger(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    """Assay's, as Python makes it."""
    found = logging.getLogger("assay")
    monkeypatch.setattr(found, "propagate", True)
    monkeypatch.setattr(found, "handlers", [])
    found.setLevel(logging.NOTSET)
    return found


def test_a_remark_is_a_line_on_what_is_standard_error_then(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = io.StringIO(), io.StringIO()
    with log_to_stderr():
        for stream in (first, second):
            monkeypatch.setattr(sys, "stderr", stream)
            logging.getLogger("assay.score.run").info("%d of %s, [bold]", 1, "2 MB")
            logging.getLogger("assay.score.run").debug("not said")
            logging.getLogger("elsewhere").info("not said")
    assert first.getvalue() == second.getvalue() == "1 of 2 MB, [bold]\n"


def test_the_logging_of_a_program_that_calls_it_is_as_it_was(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ZeroDivisionError), log_to_stderr():
        assert (logger.level, logger.propagate) == (logging.INFO, False)
        raise ZeroDivisionError
    assert (logger.level, logger.propagate, logger.handlers) == (logging.NOTSET, True, [])
    logger.info("to nobody")
    assert capsys.readouterr() == ("", "")
