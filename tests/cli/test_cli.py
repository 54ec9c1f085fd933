"""The command line: quick, helpful, one line for every error."""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from assay.cli import __main__ as cli
from assay.cli.__main__ import GROUPS
from assay.errors import UNFORESEEN, StoreError
from scripts import commands_page


def commands(
    parser: argparse.ArgumentParser | None = None, before: str = ""
) -> dict[str, argparse.ArgumentParser]:
    """Every command, those of a group under both names."""
    found = {}
    for action in (parser or cli.build_parser())._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                found |= commands(sub, f"{before}{name} ") or {f"{before}{name}": sub}
    return found


@pytest.mark.parametrize("name", list(commands()))
def test_every_command_has_help_with_an_example_and_json(name: str):
    text = commands()[name].format_help()
    assert f"Example: assay {name}" in " ".join(text.split())
    assert "--json" in text


@pytest.mark.parametrize("name", sorted({n.partition(" ")[0] for n in commands() if " " in n}))
def test_a_command_with_commands_of_its_own_has_an_example_too(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main([name, "--help"])
    assert f"Example: assay {name}" in " ".join(capsys.readouterr().out.split())


def test_the_page_of_all_commands_is_what_they_are() -> None:
    made = commands_page.PAGE.read_text(encoding="utf-8")
    assert made == commands_page.page(), "python -m scripts.commands_page"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("re", {"release", "retract"}),
        ("quarantine", {"show", "export"}),
        ("score --fo", {"--force"}),
    ],
)
def test_bash_completes_commands_and_options(
    typed: str, offered: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["completion", "bash"]) == 0
    script = tmp_path / "assay"
    script.write_text(capsys.readouterr().out)
    words = ["assay", *typed.split(), *([""] if typed == "quarantine" else [])]
    asked = f"COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; _shtab_assay"
    done = subprocess.run(
        ["bash", "-c", f'source {script} && {asked}; echo "${{COMPREPLY[@]}}"'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert offered <= set(done.stdout.split())


def test_help_shows_every_command_once_by_what_a_person_is_doing() -> None:
    text = cli.build_parser().format_help()
    names = {name.partition(" ")[0] for name in commands()}
    for name in names:
        assert len([line for line in text.splitlines() if line.startswith(f"  {name} ")]) == 1
    places = [text.index(f"\n{title}:\n") for title in (group.title for group in GROUPS)]
    assert places == sorted(places)
    assert text.index("score nights:") < text.index("  release ") < text.index("look after nights:")
    assert "--version" in text and "Start with: assay init" in text


def test_mistakes_of_params_come_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "params.yaml").write_text("name: x y\nseed: a\n")
    assert cli.main(["stage", "ingest", "--root", str(tmp_path)]) == 10
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("assay: params.yaml:")
    assert sum("seed: expected a whole number" in line for line in lines) == 1
    assert all(line.startswith("assay: params.yaml") for line in lines)


def test_an_error_is_a_document_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "params.yaml").write_text("name: x y\nseed: a\n")
    for command, code, name in (
        ("stage ingest", 10, "ParamsError"),
        ("check", 15, "ProjectUnready"),
    ):
        assert cli.main([*command.split(), "--json", "--root", str(tmp_path)]) == code
        said = capsys.readouterr()
        error = json.loads(said.out)["error"]
        assert (error["code"], error["exit_code"], error["fix"]) == (name, code, None)
        assert [f"assay: {line}" for line in error["lines"]] == said.err.splitlines()

    def fail(*_: object, **__: object) -> None:
        raise StoreError("two\nlines", where="store", fix="Look at postgresql://ada:s3@db.")

    monkeypatch.setattr("assay.project.params.load", fail)
    assert cli.main(["status", "--json", "--root", str(tmp_path)]) == 52
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["message"], error["where"], error["found"]) == ("two lines", "store", None)
    assert error["fix"] == "Look at postgresql://ada:***@db."


def test_a_report_that_came_with_an_error_is_the_only_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["doctor", "--only", "git", "--json"]) == 7
    assert "error" not in json.loads(capsys.readouterr().out)


def test_what_nobody_foresaw_is_one_line_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("assay.project.params.load", fail)
    monkeypatch.delenv(cli.DEBUG, raising=False)
    assert cli.main(["status", "--root", str(tmp_path)]) == UNFORESEEN
    (line,) = capsys.readouterr().err.splitlines()
    assert "ZeroDivisionError: two lines" in line
    monkeypatch.setenv(cli.DEBUG, "1")
    cli.main(["status", "--root", str(tmp_path)])
    assert "Traceback" in capsys.readouterr().err


def test_a_folder_that_is_gone_is_no_bug(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); from assay.cli.__main__ import main; "
    done = subprocess.run(
        [sys.executable, "-c", f"{code}sys.exit(main(['status']))"],
        cwd=gone, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("assay: the folder that this command was started in is gone. ")
    assert done.stderr.count("\n") == 1


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        cli.main(["scor"])
    assert caught.value.code == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert last == "assay: error: there is no command 'scor'. Did you mean score?"


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("xyzzy", "assay: error: there is no command 'xyzzy': --help lists them"),
        ("train linear", "assay: error: there is no command 'train'. Did you mean stage train?"),
        ("", "assay: error: a command is missing: --help lists them"),
        ("--versoin", "assay: error: unrecognized arguments: --versoin. Did you mean --version?"),
        ("score --forse", "assay score: error: unrecognized arguments: --forse. Did you mean"),
        ("score --forc", "assay score: error: unrecognized arguments: --forc. Did you mean --for"),
        ("remote", "assay remote: error: a command is missing: --help lists them"),
        ("remote pul", "assay remote: error: there is no command 'pul'. Did you mean pull?"),
        ("remote push --jsn", "assay remote push: error: unrecognized arguments: --jsn. Did you"),
        ("gate verdict --commited", "assay gate verdict: error: unrecognized arguments: --commi"),
    ],
)
def test_what_was_mistyped_is_named_with_what_is_near(
    typed: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(typed.split())
    assert caught.value.code == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert last.startswith(line)


@pytest.mark.parametrize("typed", ["bogus --json", "score --bogus --json", "score --json --date"])
def test_a_usage_error_is_a_document_where_json_is_asked_for(
    typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(typed.split())
    told = json.loads(capsys.readouterr().out)["error"]
    assert (caught.value.code, told["code"], told["exit_code"]) == (2, "UsageError", 2)
    assert "--help for the options" in told["fix"]
    with pytest.raises(SystemExit):
        cli.main(typed.replace("--json", "--josn").split())
    assert not capsys.readouterr().out


@pytest.mark.parametrize("given", ["0", "-3", "many", "1.5"])
def test_a_number_of_nights_is_a_whole_number(
    given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["front", f"--nights={given}"])
    assert caught.value.code == 2
    assert f"expected a whole number from 1 on, found '{given}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "said",
    [
        "a.so: failed to map segment from shared object",
        "can't start new thread",
        "OS can't spawn worker thread: Resource temporarily unavailable",
    ],
)
def test_memory_that_libraries_do_not_get_is_no_bug(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class PanicException(BaseException):
        """As libraries in Rust raise it."""

    def fail(*_: object, **__: object) -> None:
        raise PanicException(said)

    monkeypatch.setattr("assay.project.params.load", fail)
    assert cli.main(["stage", "ingest", "--root", str(tmp_path)]) == 8
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "memory ran out" in err and said in err
