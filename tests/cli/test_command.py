"""A command's options come from its function; what that returns is shown, also after an error."""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest

from assay.cli.__main__ import GROUPS
from assay.cli.command import Call, Command, Group, Option, add_options, write_step_output
from assay.errors import AssayError, DataError, GateNotPassed, StoreError, UsageError
from assay.errors.base import attach_report
from tests.projects import PARCELS


@dataclass(frozen=True)
class Done:
    rows: int
    file: Path = Path("a/b")


LINE = "{} rows [bold]or[/bold] more\n"


def lines(done: Done) -> Iterator[str]:
    yield f"{done.rows} rows [bold]or[/bold] more"


def twice(done: Done, much: int) -> Iterator[str]:
    yield f"{done.rows} of {much}"


@pytest.fixture(autouse=True)
def own_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.cli.show.start.own", lines, raising=False)
    monkeypatch.setattr("assay.cli.show.start.twice", twice, raising=False)


def call(
    run: Callable[..., object], *typed: str, words: str = "start.own", front: bool = False
) -> Call:
    """A command of one's own on a project, as if it was typed."""
    command = Command("work", "work", "assay work", run, words=words, front=front)
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_options(parser, command)
    parser.set_defaults(command=command)
    return Call(parser.parse_args(["--root", str(PARCELS), *typed]))


def test_options_are_the_parameters_of_the_function(capsys: pytest.CaptureFixture[str]) -> None:
    def run(
        call: Call,
        one: Annotated[str, Option("one")],
        other: Annotated[Path | None, Option("another")] = None,
        *,
        much: Annotated[int, Option("how much")],
        kind: Annotated[Literal["a", "b"] | None, Option("which")] = None,
        keys: Annotated[Sequence[str], Option("keys", flag="--key")] = (),
        pull: Annotated[str | None, Option("from", bare="origin")] = None,
        dry_run: Annotated[bool, Option("only say")] = False,
    ) -> object:
        assert call.project[1].name == "parcels"
        given.append((one, other, much, kind, list(keys), pull, dry_run))
        return Done(1)

    given: list[object] = []
    call(run, "x", "--much", "3", words="start.twice").perform()
    assert capsys.readouterr() == ("1 of 3\n", "")
    every = ["--kind", "b", "--key", "k", "--key", "l", "--pull", "--dry-run"]
    call(run, "x", "y", "--much=4", *every).perform()
    assert given == [
        ("x", None, 3, None, [], None, False),
        ("x", Path("y"), 4, "b", ["k", "l"], "origin", True),
    ]
    for wrong in (["x"], ["--much", "3"], ["x", "--much", "m"], ["x", "--much=3", "--kind", "c"]):
        with pytest.raises((SystemExit, argparse.ArgumentError)):
            call(run, *wrong)


def test_a_result_is_lines_or_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    def run(call: Call) -> object:
        print("from a contract")
        return Done(2)

    call(run, "--json").perform()
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"rows": 2, "file": "a/b"}
    assert shown.err == "from a contract\n"
    call(run).perform()
    assert capsys.readouterr() == ("from a contract\n" + LINE.format(2), "")
    call(run, words="").perform()
    assert capsys.readouterr().out == "from a contract\nrows  2\nfile  a/b\n"


@pytest.mark.parametrize(
    "error",
    [
        GateNotPassed("no").attach_report(Done(2)),
        attach_report(KeyboardInterrupt(), Done(2)),
        attach_report(ZeroDivisionError(), Done(2)),
        UsageError("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_was_done_before_an_error_is_shown_and_the_error_goes_on(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(call: Call) -> object:
        raise error

    report = hasattr(error, "report") and error.report is not None
    for typed, expected in (((), LINE.format(2)), (("--json",), "")):
        asked = call(run, *typed)
        with pytest.raises(type(error)) as caught:
            asked.perform()
        assert caught.value is error
        assert asked.printed == report
        said = capsys.readouterr().out
        if expected:
            assert said == (expected if report else "")
        elif report:
            assert json.loads(said)["rows"] == 2


@pytest.mark.parametrize(
    ("error", "written"),
    [(None, True), (DataError("no"), True), (StoreError("no"), False), (UsageError("no"), False)],
)
def test_the_front_page_follows_unless_nothing_can_have_changed(
    error: AssayError | None, written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(call: Call) -> object:
        if error is not None:
            raise error
        return None

    asked = []
    monkeypatch.setattr("assay.monitor.front.command.try_run", lambda root, _: asked.append(root))
    try:
        call(run, front=True).perform()
    except AssayError as caught:
        assert caught is error
    assert asked == [PARCELS.resolve()] * written


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.title)
def test_each_command_is_shown_by_keys_or_by_a_function_that_there_is(group: Group) -> None:
    for each in group.commands:
        assert not (each.keys and each.words), each.name
        if each.words:
            module, _, name = each.words.partition(".")
            assert hasattr(importlib.import_module(f"assay.cli.show.{module}"), name), each.name


def test_an_output_is_one_line_and_elsewhere_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    write_step_output("moved", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    write_step_output("moved", "true")
    write_step_output("more", "x")
    assert (tmp_path / "output").read_text() == "moved=true\nmore=x\n"
    with pytest.raises(ValueError, match="more than one line"):
        write_step_output("moved", "true\nother=1")
