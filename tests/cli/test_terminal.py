"""Tables are as wide as the terminal, and where there is none always the same."""

from __future__ import annotations

import os
import sys

import pytest

from assay.cli.terminal import WIDTH, console, said_on_standard_error


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
    console(markup=False).print("[bold]x[/bold]")
    console().print("[bold]x[/bold]")
    assert capsys.readouterr().out.split() == ["[bold]x[/bold]", "x"]


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
