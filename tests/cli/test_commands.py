"""What a command returns is shown, also what it had done before it ended with an error."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assay.cli.commands import refresh_front_page, run_command, to_indented_json, to_json_line
from assay.errors import AssayError, DataError, GateNotPassed, StoreError, UsageError
from assay.errors.base import attach_report
from assay.project import params
from tests.projects import PARCELS


@dataclass(frozen=True)
class Done:
    rows: int

    def plain(self) -> dict[str, Any]:
        return {"rows": self.rows}


def lines(done: Done) -> Iterator[str]:
    yield f"{done.rows} rows [bold]or[/bold] more"


def given(json: bool = False) -> argparse.Namespace:
    return argparse.Namespace(root=PARCELS, json=json)


def ask(run: Callable[..., Done], as_json: bool = False) -> Done:
    return run_command(run, given(as_json), 3, lines=lines, document=to_json_line, more=4)


def test_the_command_gets_the_root_the_parameters_and_what_was_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(root: Path, values: params.Params, rows: int, more: int) -> Done:
        assert (root, values.name) == (PARCELS.resolve(), "parcels")
        return Done(rows + more)

    assert ask(run) == Done(7)
    assert capsys.readouterr() == ("7 rows [bold]or[/bold] more\n", "")
    ask(run, as_json=True)
    assert capsys.readouterr() == ('{"rows": 7}\n', "")


@pytest.mark.parametrize(
    "error",
    [
        GateNotPassed("no").attach_report(Done(2)),
        attach_report(KeyboardInterrupt(), Done(2)),
        attach_report(ZeroDivisionError(), Done(2)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_was_done_before_an_error_is_shown_and_the_error_goes_on(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*_: object, **__: object) -> Done:
        raise error

    with pytest.raises(type(error)) as caught:
        ask(run)
    assert caught.value is error
    assert capsys.readouterr().out == "2 rows [bold]or[/bold] more\n"
    with pytest.raises(type(error)):
        ask(run, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"rows": 2}


def test_of_an_error_with_nothing_done_nothing_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*_: object, **__: object) -> Done:
        raise UsageError("no")

    with pytest.raises(UsageError):
        ask(run, as_json=True)
    assert capsys.readouterr() == ("", "")


def test_what_the_projects_code_prints_is_in_no_document(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*_: object, **__: object) -> Done:
        print("from a contract")
        return Done(2)

    ask(run, as_json=True)
    assert capsys.readouterr() == ('{"rows": 2}\n', "from a contract\n")
    ask(run)
    assert capsys.readouterr() == ("from a contract\n2 rows [bold]or[/bold] more\n", "")


def test_reports_are_indented_as_their_files_are() -> None:
    assert to_indented_json(Done(1)) == '{\n  "rows": 1\n}\n'


@pytest.mark.parametrize(
    ("error", "written"),
    [(None, True), (DataError("no"), True), (StoreError("no"), False), (UsageError("no"), False)],
)
def test_the_front_page_follows_unless_nothing_can_have_changed(
    error: AssayError | None, written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("assay.monitor.front.command.try_run", lambda root, _: asked.append(root))
    try:
        with refresh_front_page(given()):
            if error is not None:
                raise error
    except AssayError as caught:
        assert caught is error
    assert asked == [PARCELS.resolve()] * written
