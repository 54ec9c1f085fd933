"""`assay init` from the command line: what it writes, what it prints, what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assay.cli.__main__ import main
from assay.contract.loader import load_contract
from assay.errors import SchemaMismatch
from assay.ops.deploy.schedulers import WORKFLOWS
from assay.project import params
from assay.score.inputs.formats import find_night
from tests import projects

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(8)
    visits = rng.poisson(5, 600)
    frame = pd.DataFrame(
        {
            "customer": [f"C{number:04}" for number in range(600)],
            "since": pd.date_range("2024-01-01", periods=600, freq="3h").strftime("%d.%m.%Y %H:%M"),
            "plz": rng.choice(["01067", "04103", "09111"], 600),
            "visits": visits,
            "churned": np.where(visits + rng.normal(size=600) < 4, "ja", "nein"),
        }
    )
    path = tmp_path / "customers.csv"
    frame.to_csv(path, index=False, sep=";", encoding="cp1252")
    return path


def test_a_project_is_written_and_ready(table: Path) -> None:
    told = projects.call(
        table.parent, "assay", "init", "churn", "--data", table.name, "--target", "churned"
    )
    assert "separated by ';'" in told and "each a day" in told and "assay promote" in told
    project = table.parent / "churn"
    assert {path.name for path in (project / ".github/workflows").iterdir()} == set(WORKFLOWS)
    source = (project / "data/source.py").read_text(encoding="utf-8")
    assert '"plz": "text"' in source and '"since": "time %d.%m.%Y %H:%M"' in source
    assert '"churned": "boolean true=ja false=nein"' in source
    assert "ready for dvc repro" in projects.call(project, "assay", "check")
    # The table is DVC's: git does not see it, and a changed one is noticed.
    projects.call(project, "git", "add", "--all")
    tracked = projects.call(project, "git", "ls-files").split()
    assert "data/customers.csv" not in tracked and "data/customers.csv.dvc" in tracked
    projects.call(project, "dvc", "repro", "ingest")
    rows = (project / "data/raw").glob("night=*/*.parquet")
    assert sum(len(pd.read_parquet(path)) for path in rows) == 600


def test_a_machine_gets_one_document(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(table.parent / "churn")
    assert main(["init", "--json", folder, "--data", str(table), "--target", "churned"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["task"], found["rows"], found["nights"]["by"]) == ("binary", 600, "time")
    roles = {each["given"]: each["roles"] for each in found["columns"]}
    assert roles["customer"] == ["key"] and roles["plz"] == ["feature", "slice"]
    assert "params.yaml" in found["files"]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--data", "customers.csv"], 2, "--target COLUMN is missing"),
        (["--target", "churned"], 2, "--data FILE is missing"),
        (["--data", "customers.csv", "--target", "churn"], 2, "Did you mean 'churned'?"),
        (["--data", "nowhere.csv", "--target", "churned"], 25, "nowhere.csv"),
        (["--data", "customers.csv", "--target", "customer"], 22, "too many classes"),
        (
            ["--data", "customers.csv", "--target", "churned", "--time", "plz"],
            2,
            "Write it in the file",
        ),
    ],
)
def test_what_it_cannot_do_leaves_nothing(
    table: Path,
    options: list[str],
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(table.parent)
    assert main(["init", "churn", *options]) == code
    told = capsys.readouterr().err
    assert words in told and len(told.splitlines()) == 1
    assert not (table.parent / "churn").exists()


def test_what_was_assumed_of_the_time_is_among_what_is_not_sure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "first.csv"
    rows = [f"01/{at % 12 + 1:02d}/2024,{at % 7},{at % 2}" for at in range(600)]
    table.write_text("\n".join(["day,x,y", *rows]))
    assert main(["init", str(tmp_path / "p"), "--data", str(table), "--target", "y"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "day: day and month cannot be told apart: read as %m/%d/%Y" in said


def test_seconds_since_1970_are_a_time_if_a_person_says_so(tmp_path: Path) -> None:
    table = tmp_path / "digits.csv"
    rows = [f"{1_700_000_000 + 7_200 * at},{at % 7},{at % 2}" for at in range(600)]
    table.write_text("\n".join(["seen,x,y", *rows]))
    given = ["init", str(tmp_path / "p"), "--data", str(table), "--target", "y", "--time", "seen"]
    assert main(given) == 0
    source = (tmp_path / "p/data/source.py").read_text()
    assert '"seen": "time unix s",  # ' in source and "read as seconds since 1970" in source
    assert main(["check", "--root", str(tmp_path / "p")]) == 0


def test_digits_as_a_time_are_refused_with_what_to_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "digits.csv"
    rows = [f"{1_000_000 + at},{at % 7},{at % 2}" for at in range(600)]
    table.write_text("\n".join(["ts,x,y", *rows]))
    given = ["init", str(tmp_path / "p"), "--data", str(table), "--target", "y", "--time", "ts"]
    assert main(given) == 2
    said = capsys.readouterr().err
    assert "found the type integer" in said and "such as 2024-01-31" in said
    assert said.count("\n") == 1


def test_rows_without_a_time_arrive_as_the_readme_says(table: Path) -> None:
    frame = pd.read_csv(table, sep=";", encoding="cp1252").drop(columns="since")
    frame.to_csv(table.parent / "people.csv", index=False)
    root = table.parent / "p"
    given = ["init", str(root), "--data", str(table.parent / "people.csv"), "--target", "churned"]
    assert main(given) == 0
    said = (root / "README.md").read_text(encoding="utf-8")
    (path,) = re.findall(r"^(arrivals/\S+)  ", said, re.MULTILINE)
    (spec,) = re.findall(r"`input: (\{format: csv, path: arrivals\})`", said)
    text = (root / "params.yaml").read_text(encoding="utf-8")
    changed = re.sub(r"(?<=\nscore:\n  input: ).*", spec, text, count=1)
    (root / "params.yaml").write_text(changed, encoding="utf-8")
    (root / path).parent.mkdir(parents=True)
    rows = frame.drop(columns="churned").assign(arrived="2026-11-29")
    rows.to_csv(root / path, index=False)
    contract = load_contract(root / "data/contract.py").without_label()
    night = find_night(root, params.load(root), contract, "2026-11-29")
    assert (night.value, night.source is not None) == ("2026-11-29", True)
    rows.drop(columns="arrived").to_csv(root / path, index=False)
    with pytest.raises(SchemaMismatch, match="arrived"):
        find_night(root, params.load(root), contract, "2026-11-29")


def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> str:
    """What is said of a table that cannot be used."""
    table = tmp_path / "odd.csv"
    table.write_text(text)
    assert main(["init", str(tmp_path / "p"), "--data", str(table), "--target", "y"]) != 0
    return capsys.readouterr().err


def test_what_is_wrong_with_a_column_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{at % 7},{at % 2 if at < 40 else ''}" for at in range(300)]
    said = refused(tmp_path, capsys, "\n".join(["x,y", *rows]))
    assert "odd.csv, column 'y': too few rows have a label" in said and "found 40 of 300" in said
    rows = [f"{at % 7},no" for at in range(300)]
    assert "odd.csv, column 'y': the target is the same" in refused(
        tmp_path, capsys, "\n".join(["x,y", *rows])
    )
    assert "odd.csv: --target y: the table has no such column" in refused(
        tmp_path, capsys, "\n".join(["x,z", *rows])
    )


def test_rows_of_one_customer_may_stay_together_as_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "many.csv"
    rows = [f"{at // 5 + 1000},{at % 7},{(at % 7 > 2) ^ (at % 11 == 0):d}" for at in range(600)]
    table.write_text("\n".join(["customer id,x,y", *rows]))
    given = ["init", str(tmp_path / "p"), "--data", str(table), "--target", "y"]
    assert main(given) == 0
    assert "--group with its name keeps its rows on one side" in capsys.readouterr().out
    given[1] = str(tmp_path / "q")
    assert main([*given, "--group", "customer id"]) == 0


def test_a_table_without_a_header(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = table.read_text(encoding="cp1252")
    bare = table.with_name("bare.csv")
    bare.write_text(text.partition("\n")[2], encoding="cp1252")
    project = bare.parent / "churn"
    given = ["init", str(project), "--data", str(bare), "--target", "churned", "--names"]
    assert main([*given, "customer,since,plz,visits,churned"]) == 0
    assert "columns have no names" not in " ".join(capsys.readouterr().out.split())
    projects.call(project, "assay", "stage", "ingest")
    source = (project / "data/source.py").read_text(encoding="utf-8")
    assert "header=False" in source and '"plz": "text"' in source
    written = pd.read_parquet(project / "data/raw")
    assert len(written) == 600 and set(written["plz"]) == {"01067", "04103", "09111"}


def test_the_same_doubt_is_said_once_with_all_its_columns(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.read_csv(table, sep=";", encoding="cp1252")
    rng = np.random.default_rng(9)
    for name in ("meters", "grams", "cents", "seconds"):
        frame[name] = rng.permutation(10**7)[: len(frame)]
    frame.to_csv(table, index=False)
    folder = str(table.parent / "churn")
    assert main(["init", folder, "--data", str(table), "--target", "churned"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert told.count("hardly repeat") == 1 and "meters, grams, cents, seconds: whole" in told
