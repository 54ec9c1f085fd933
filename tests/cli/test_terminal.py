"""Tables are as wide as the terminal, and where there is none always the same."""

from __future__ import annotations

import sys

import pytest

from assay.cli.terminal import WIDTH, console


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
