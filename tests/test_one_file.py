"""One of each kind from one file of a project: every command sees it as it sees Assay's own."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from assay.monitor.nights.night import night_path
from assay.project import layout

PAGE = Path(__file__).resolve().parents[1] / "docs" / "own-code.md"
OF = ("metrics", "kinds", "measures", "inputs", "schedulers")
"""The files of the page that are put into one."""
NIGHT = "2024-03-01"
CHANGES = {
    "  confidence: 0.95\n": "  metrics: {data.own.hours_saved: higher}\n",
    "gate:\n  tests: tests/model\n  rules:\n": """\
    - {name: it saves hours, metric: data.own.hours_saved, min: 0, owner: us, because: it must}
    - {name: not swamped, kind: data.own.Calls, most: 900, owner: us, because: two telephones}
""",
    "monitor:\n": """\
  budget: {nights: 1, of: 1}
  measures:
    - {measure: data.own.MeanChange, columns: [weight], limit: 0.2}
    - {measure: psi, columns: [distance]}
""",
}
"""Lines of params.yaml -> what comes below them."""
MISTAKES = {
    "hours_saved: higher": "hours_lost: higher",
    "most: 900": "mots: 900",
    "limit: 0.2": "limt: 0.2",
    "folder: exports/in": "foldr: exports/in",
}
Call = Callable[..., str]


@pytest.fixture
def root(live: Path) -> Path:
    """The promoted project with the file, its keys in params.yaml, and nights only it can read."""
    blocks = re.findall(r"^```python\n# (\S+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    code = dict(blocks)
    (live / "data/own.py").write_text("\n\n".join(code[f"data/{name}.py"] for name in OF))
    text = (
        (live / layout.PARAMS)
        .read_text()
        .replace("  input: data/raw\n", "  input: {format: data.own.Exports, folder: exports/in}\n")
    )
    for above, below in CHANGES.items():
        assert text.count(above) == 1
        text = text.replace(above, above + below)
    (live / layout.PARAMS).write_text(text)
    stages = (live / "dvc.yaml").read_text()
    listed = "\n      - ${contract.file}\n"
    (live / "dvc.yaml").write_text(stages.replace(listed, listed + "      - data/own.py\n"))
    (live / "exports/in").mkdir(parents=True)
    for folder in sorted((live / layout.RAW).glob("day=*"))[-7:]:
        day = folder.name.removeprefix("day=")
        rows = pd.read_parquet(folder)
        if day == NIGHT:
            rows["weight"] *= 0.6
        with gzip.open(live / f"exports/in/{day}.jsonl.gz", "wt") as file:
            file.write(rows.to_json(orient="records", lines=True, date_format="iso"))
    return live


def test_every_command_sees_one_of_each(root: Path, call: Call) -> None:
    # What is asked for is there; what is misspelt is named, all at once.
    params = (root / layout.PARAMS).read_text()
    assert json.loads(call(root, "assay", "check", "--json"))["rules"] == 4
    wrong = params
    for right, misspelt in MISTAKES.items():
        assert right in params
        wrong = wrong.replace(right, misspelt)
    (root / layout.PARAMS).write_text(wrong)
    said = call(root, "assay", "check", code=15)
    for words in ("'hours_lost'", "'most'", "did you mean 'limit'", "did you mean 'folder'"):
        assert words in said, said
    (root / layout.PARAMS).write_text(params)

    # The metric is evaluated, and the gate asks the rule about it, and the other.
    call(root, "git", "add", "--all")
    call(root, "git", "commit", "--quiet", "--message", "Our own")
    for stage in ("evaluate", "compare", "gate"):
        call(root, "assay", "stage", stage)
    verdict = json.loads((root / layout.VERDICT).read_text())
    findings = {each["rule"]: each for each in verdict["findings"]}
    assert findings["not swamped"]["outcome"] == "PASS" and findings["not swamped"]["limit"] == 900
    assert findings["it saves hours"]["metric"] == "data.own.hours_saved"
    text = (root / layout.GATE_REPORT / "verdict.md").read_text()
    assert "**it saves hours**" in text
    assert re.search(r"\*\*not swamped\*\* .* at most 900 .* two telephones", text)
    assert "calls, and 900 can be made" in call(root, "assay", "gate", "explain", "not swamped")

    # A night is read by the input, and one column of it is too far by the measure.
    call(root, "assay", "score", "--date", NIGHT)
    said = call(root, "assay", "monitor", "--date", NIGHT, code=4)
    words = "change of the mean 0.383 over its limit 0.200"
    assert words in said, said
    document = json.loads((root / night_path(NIGHT, ".json")).read_text())
    measured = {each["column"]: each["measured"] for each in document["findings"]}
    (weight,), (distance,) = measured["weight"], measured["distance"]
    assert weight["limit"] == 0.2 and weight["words"] == words
    assert (distance["title"], distance["limit"], distance["words"]) == ("psi", None, "")
    assert "weight" in document["drifted"] and measured["depot"] == []
    page = (root / night_path(NIGHT, ".html")).read_text()
    assert words in page and '<th scope="col" class="n">change of the mean</th>' in page
    incidents = json.loads((root / layout.INCIDENTS).read_text())
    assert words in json.dumps(incidents)

    # The schedule is written by the class.
    call(root, "assay", "deploy", "--target", "data.own.Jenkins", "--out", "jenkins")
    assert ".venv/bin/assay nightly --pull" in (root / "jenkins/Jenkinsfile").read_text()
