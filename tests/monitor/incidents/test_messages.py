"""The words of an alert: for an issue, for Slack, for programs."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from assay.monitor.incidents import messages
from assay.monitor.incidents.alert_state import Alert
from assay.monitor.nights.night import Incident

OPEN = Incident(
    "drift-2013-09-02", "drift", "open", "2013-09-02", "2013-09-15", ("x", "y"),
    "probability: distance 0.210 over its limit 0.120",
)  # fmt: skip


def test_markdown_has_a_title_and_what_to_do() -> None:
    run = Incident("run-2013-09-20", "run", "open", "2013-09-20", "2013-09-20", (), "held: why")
    over = replace(OPEN, id="old", state="recovered")
    text = messages.render_markdown("late-flights", [Alert(OPEN), Alert(run), Alert(over)])
    first, *rest = text.splitlines()
    assert first == "# late-flights: 2 open incidents"
    assert "### 2013-09-02 to 2013-09-15" in rest
    assert "- columns: x, y" in rest
    assert "- page: [reports/nights/2013-09-15.html](nights/2013-09-15.html)" in rest
    assert "- look again: `assay monitor --date 2013-09-15`" in rest
    assert "- try again: `assay score --date 2013-09-20`" in rest
    assert rest.index("## Open") < rest.index("## Recovered")
    assert messages.render_markdown("n", []) == "# n: no open incident\n"
    assert messages.render_markdown("n", [Alert(run)]).startswith("# n: 1 open incident\n")


def test_data_cannot_write_markdown_or_call_people() -> None:
    bad = replace(
        OPEN, columns=("a`b|c", "<img src=x>"), sentence="@team look\n# at *this* [link](x) `"
    )
    text = messages.render_markdown("n", [Alert(bad)])
    assert "@team" not in text and "<img" not in text
    assert "\n# at" not in text
    assert "\\*this\\* \\[link\\](x) \\`" in text
    assert "a\\`b\\|c" in text


@given(st.text(max_size=60))
def test_plain_text_is_one_line_without_marks(value: str) -> None:
    found = messages.escape_all(value)
    assert len(found.splitlines()) <= 1
    assert "<" not in found
    bare = found.replace("\\\\", "")
    assert all(bare[i - 1] == "\\" for i, letter in enumerate(bare) if letter in "`*_[]|#~")


def test_slack_gets_text_and_a_block_that_calls_nobody() -> None:
    tree = messages.slack("late-flights", replace(OPEN, sentence="<!channel> & co"))
    assert tree["text"] == (
        "late-flights: incident, 2013-09-02 to 2013-09-15: &lt;!channel&gt; &amp; co"
    )
    (block,) = tree["blocks"]
    assert block["text"]["type"] == "mrkdwn"
    assert "columns: x, y" in block["text"]["text"]
    long = messages.slack("n", replace(OPEN, sentence="y" * 9000))
    assert len(long["blocks"][0]["text"]["text"]) <= 3000 and len(long["text"]) <= 3000


def test_the_generic_shape() -> None:
    tree = messages.generic("late-flights", replace(OPEN, state="recovered"), "drift-a:recovered")
    assert (tree["event"], tree["key"]) == ("recovered", "drift-a:recovered")
    assert tree["incident"]["columns"] == ["x", "y"]
    assert "recovered, 2013-09-02 to 2013-09-15" in tree["text"]
    json.dumps(tree)


def test_very_many_columns_are_not_all_named() -> None:
    named = messages.columns(replace(OPEN, columns=tuple(f"c{i}" for i in range(50))))
    assert named.endswith("c19 and 30 more")
