"""The words of an alert: for an issue, for Slack, for programs."""

from __future__ import annotations

import json
from dataclasses import replace

from assay.monitor.incidents import messages
from assay.monitor.nights.night import Incident, Night

OPEN = Incident(
    "drift-2013-09-02", "drift", "open", "2013-09-02", "2013-09-15", ("x", "y"),
    "probability: distance 0.210 over its limit 0.120",
)  # fmt: skip


def test_markdown_has_a_title_and_what_to_do() -> None:
    run = Incident("run-2013-09-20", "run", "open", "2013-09-20", "2013-09-20", (), "held: why")
    over = replace(OPEN, id="old", state="recovered")
    night = Night("2013-09-20", "held", run_id="r1", note="held: why", held="r1")
    text = messages.render_markdown("late-flights", [OPEN, run, over], [night])
    first, *rest = text.splitlines()
    assert first == "# late-flights: 2 open incidents"
    assert any(line.startswith("**2013-09-02 to 2013-09-15**: probability") for line in rest)
    assert "- columns: x, y" in rest
    look = "`assay monitor --date 2013-09-15`, which writes `reports/nights/2013-09-15.html`"
    assert f"- look again: {look}" in rest
    assert "`assay release r1 --because WHY`" in text
    assert rest.index("## Open") < rest.index("## Recovered")
    assert messages.render_markdown("n", [], []) == "# n: no open incident\n"
    assert messages.render_markdown("n", [run], []).startswith("# n: 1 open incident\n")


def test_data_cannot_write_markdown_or_call_people() -> None:
    bad = replace(
        OPEN, columns=("a`b|c", "<img src=x>"), sentence="@team look\n# at *this* [link](x) `"
    )
    text = messages.render_markdown("n", [bad], [])
    assert "@team" not in text and "<img" not in text
    assert "\n# at" not in text
    assert "\\*this\\* \\[link\\](x) \\`" in text
    assert "a\\`b\\|c" in text


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
    tree = messages.generic("late-flights", replace(OPEN, state="recovered"))
    assert (tree["event"], tree["key"]) == ("recovered", "drift-2013-09-02:recovered")
    assert tree["incident"]["columns"] == ["x", "y"]
    assert "recovered, 2013-09-02 to 2013-09-15" in tree["text"]
    json.dumps(tree)


def test_very_many_columns_are_not_all_named() -> None:
    named = messages.columns(replace(OPEN, columns=tuple(f"c{i}" for i in range(50))))
    assert named.endswith("c19 and 30 more")
