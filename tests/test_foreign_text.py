"""Text of tables, git and people acts nowhere: not on a terminal, in Markdown, on a page."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from markupsafe import Markup
from rich.table import Table
from rich.text import Text

from assay.cli.__main__ import main
from assay.cli.terminal import log_to_stderr, print_lines
from assay.gate.verdict_text import render_markdown
from assay.monitor.incidents import messages
from assay.monitor.nights.night import Incident
from assay.pages.svg import Picture
from assay.pages.templating import render
from assay.project import text as markdown
from tests import projects
from tests.hosting.comment_samples import facts
from tests.hosting.test_comment_escaping import told

HOSTILE = {
    "colour": "\x1b[31mred\x1b[0m",
    "erase the line": "\x1b[2K\x1b[1Aassay: PASS",
    "link": "\x1b]8;;https://evil.invalid\x07click\x1b]8;;\x07",
    "title of the window": "\x1b]0;owned\x1b\\",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "C1": "\x9b31mred\x9d0;x\x9c",
    "override": "\u202egpj.exe\u202c",
    "isolate": "\u2066west\u2069\u200f",
    "line": "west\nassay: PASS\r\u2028\x85end",
    "bell and back": "wes\x07\x08\x08t\x7f",
    "tags": "west\U000e0041\U000e007f\ufeff",
    "Markdown": "`west` | **bold** [x](https://evil.invalid)",
}
ACTING = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
TAGS = re.compile("[\U000e0000-\U000e0fff]")


def _table(text: str) -> None:
    table = Table()
    table.add_column(Text(text))
    table.add_row(Text(text))
    print_lines([table])


def _warned(text: str) -> None:
    with log_to_stderr(), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = _show  # pytest keeps warnings to itself
        warnings.warn(text, stacklevel=1)


def _show(message: Any, category: Any, name: str, line: int, *_: Any) -> None:
    print(warnings.formatwarning(message, category, name, line, ""), end="")


def _logged(text: str) -> None:
    with log_to_stderr():
        logging.getLogger("assay.score").warning("found %s", text)


def _usage(text: str) -> None:
    with pytest.raises(SystemExit):
        main(["score", "--date", "2024-03-01", text])


def _error(text: str) -> None:
    assert main(["status", "--root", f"no such folder {text}".replace("\0", "")]) != 0


PRINTED: dict[str, Callable[[str], Any]] = {
    "a line": lambda text: print_lines([f"broke '{text}'"]),
    "a table": _table,
    "a warning": _warned,
    "a remark": _logged,
    "usage": _usage,
    "an error": _error,
}
WRITTEN: dict[str, Callable[[str], str]] = {
    "a line of Markdown": markdown.escape_line,
    "literal Markdown": markdown.escape_all,
    "code": markdown.escape_code,
    "prose of a comment": markdown.prose,
    "code of a comment": lambda text: markdown.code(text, cell=True),
    "the title of an issue": lambda text: markdown.one_line(text, 200),
    "verdict.md": lambda text: render_markdown(told(text).verdict),
    "incident.md": lambda text: messages.render_markdown(text, (), ()),
    "a message": lambda text: messages.text(
        text, Incident("run-x", "run", "open", "x", "x", (), text)
    ),
    "Slack": lambda text: messages.slack(
        "n", Incident("run-x", "run", "open", "x", "x", (text,), text)
    )["blocks"][0]["text"]["text"],
    "a page": lambda text: render(
        "base.html",
        title=text, policy="", main=text, headings=[("x", text)], links=(),
        head=Markup(""), body=Markup(""),
    ),
    "a picture": lambda text: str(_picture(text)),
}  # fmt: skip


def _picture(text: str) -> Picture:
    made = Picture(9, 9, text, text)
    made.text(0, 0, text)
    made.vertical_text(0, 0, text)
    return made


def acting(text: str) -> list[str]:
    """What of the text a terminal or a reader's eye would obey."""
    return [f"{each[0]!r} in {text[each.start() - 20 : each.end() + 20]!r}"
            for kind in (ACTING, TAGS) for each in kind.finditer(text)]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("way", PRINTED)
def test_nothing_acts_on_a_terminal(
    way: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    PRINTED[way](HOSTILE[name])
    said = "".join(capsys.readouterr())
    assert not acting(said)
    # A line of its own would be Assay's word.
    assert not any(line.startswith("assay: PASS") for line in said.splitlines())
    assert "red" not in HOSTILE[name] or "red" in said


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("way", WRITTEN)
def test_nothing_acts_on_who_reads_a_text(way: str, name: str) -> None:
    written = WRITTEN[way](HOSTILE[name])
    assert not acting(written.replace("\n", ""))
    assert "red" not in HOSTILE[name] or "red" in written


def test_what_is_harmless_stays(capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("Łódź 東京 10\u00a0000", "\u0645\u06cc\u200c\u062e", "👩\u200d👧", "a\u0301"):
        print_lines([text])
        assert capsys.readouterr().out == f"{text}\n"
        assert text in render("base.html", title=text, policy="", main="", headings=[], links=(),
                              head=Markup(""), body=Markup(""))  # fmt: skip
    assert facts()


REFUSED = "\x1b[2K\u202ewest\nassay: PASS\x9b31m`|x|`"
BRANCH = "work\u202e\u2066gpj"
NIGHT = ("--date", "2024-03-02")
SHOWN = "\\u001b[2K\\u202ewest"


def test_a_project_s_commands_pages_and_summary(
    live: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refused row, reasons of people and a branch that have such text, as they are met."""
    (file,) = (live / "data" / "raw" / "day=2024-03-02").glob("*.parquet")
    rows = pd.read_parquet(file).replace({"depot": {"moon": REFUSED}})
    file.unlink()
    rows.to_parquet(file)
    summary = live.parent / "summary.md"
    for name, value in (
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", "acme/parcels"),
        ("GITHUB_HEAD_REF", BRANCH),
        ("GITHUB_STEP_SUMMARY", str(summary)),
    ):
        monkeypatch.setenv(name, value)
    projects.call(live, "git", "switch", "--quiet", "--create", BRANCH)
    said: dict[str, str] = {}
    run = ""
    for command in (
        ("score", *NIGHT),
        ("quarantine", "show", *NIGHT),
        ("monitor", *NIGHT),
        ("status",),
        ("retract", "RUN", "--because", REFUSED),
        ("night", "history", *NIGHT),
        ("night", "history", *NIGHT, "--json"),
        ("status", "--json"),
        ("versions",),
        ("front",),
        ("report", "--format", "github"),
        ("comment",),
        ("score", "--date", REFUSED),
    ):
        words = [run if word == "RUN" else word for word in command]
        main([*words, "--root", str(live)])
        said[command[0]] = said.get(command[0], "") + "".join(capsys.readouterr())
        run = run or re.findall(r"\d{8}T\d{6}Z-\w+", said[command[0]])[-1]
    pages = [*(live / "reports").rglob("*.md"), *(live / "reports").rglob("*.html")]
    said |= {str(path): path.read_text(encoding="utf-8") for path in (*pages, summary)}
    for where, text in said.items():
        assert not acting(text.replace("\n", "")), where
        # A line of its own would be Assay's word; on a page it is none.
        assert where.endswith(".html") or not re.search("^assay: PASS", text, re.M), where
    front = str(live / "reports" / "index.html")
    for where in ("quarantine", "night", front):
        assert SHOWN in said[where], where
