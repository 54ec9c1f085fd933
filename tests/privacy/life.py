"""A life of a project whose table has private columns, with all that can go wrong in it.

Each command runs in this process, and what it says is kept as a file beside the project.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import pandas as pd

from assay.cli.__main__ import main
from tests import projects, remembered
from tests.life import nights
from tests.privacy.canaries import PHONE

MAIL = "E-Mail des Empfängers"
CONTRACT = f'''\
    kunde: Series[str] = pa.Field(metadata={{"role": ["key", "pii"]}})
    mail: Series[str] = pa.Field(
        alias="{MAIL}", str_contains="@", nullable=True, metadata={{"role": "pii"}}
    )
    phone: Series[int] = pa.Field(gt=0, metadata={{"role": "pii"}})
'''
CHECK = f'''\

    @pa.check("{MAIL}", element_wise=True)
    def reachable(cls, address: str) -> bool:
        if "raises" in address:
            raise ValueError(f"no such host: {{address}}")
        return True
'''
SOURCE = f'''\
    number = np.arange(rows)
    for column, bird in {{"kunde": "kunde", "{MAIL}": "mail", "note": "note"}}.items():
        end = "@example.org" if bird == "mail" else ""
        frame[column] = [f"kana{{'rie'}}{{bird}}-{{each}}{{end}}" for each in number]
    frame["phone"] = 49157 * 10**8 + number
    return frame
'''
FAILS = """\
def test_rows(holdout):
    print(holdout.to_string())
    assert holdout.empty, holdout.to_dict()
"""
ALERTED = """\
def alerted(message):
    with open("alerts.txt", "a", encoding="utf-8") as file:
        file.write(repr(message))
"""


def private(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a night with their customers."""
    number = frame["parcel"].to_numpy() % 100_000
    frame["kunde"] = [f"kanariekunde-{each}" for each in number]
    frame[MAIL] = [f"kanariemail-{each}@example.org" for each in number]
    frame["phone"] = PHONE + number
    frame["note"] = [f"kanarienote-{each}" for each in number]
    return frame


class Life:
    """A project in ``base / "project"``; ``base / "said"`` has what each command said."""

    def __init__(self, base: Path) -> None:
        self.base, self.root, self.said = base, base / "project", base / "said"
        self.said.mkdir(exist_ok=True)
        (base / "tmp").mkdir(exist_ok=True)
        if not self.root.exists():
            shutil.copytree(projects.PARCELS, self.root)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def assay(self, *command: str, code: int | None = 0) -> str:
        """Run a command; what it said on both streams."""
        printed = io.StringIO()
        with (
            chdir(self.root),
            remembered.results(),
            mock.patch.dict(os.environ, {"COLUMNS": "200"}),
            mock.patch.object(tempfile, "tempdir", str(self.base / "tmp")),
            redirect_stdout(printed),
            redirect_stderr(printed),
        ):
            try:
                found = main(command)
            except SystemExit as ended:
                found = int(ended.code or 0)
        text = printed.getvalue()
        number = len(list(self.said.iterdir()))
        (self.said / f"{number:03}-{command[0]}.txt").write_text(text, encoding="utf-8")
        assert code in (None, found), f"assay {' '.join(command)} ended {found}:\n{text}"
        return text

    def git(self, *command: str) -> str:
        return projects.call(self.root, "git", *command)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "Work")

    def night(self, day: str, change: object = None) -> Path:
        """Deliver a night as a CSV file."""
        frame = private(nights.rows(day)).drop(columns="late")
        if callable(change):
            frame = change(frame)
        file = self.root / "incoming" / f"day={day}" / "kanariedatei.csv"
        file.parent.mkdir(parents=True)
        frame.to_csv(file, index=False)
        return file

    def invent(self) -> None:
        """Let `assay init` make a project of a table whose only key is an address."""
        days = [str(day.date()) for day in pd.date_range("2024-01-01", periods=20)]
        rows = pd.concat([private(nights.rows(day)) for day in days])
        rows["kunde"] = rows.pop(MAIL)
        rows.drop(columns=["parcel", "phone"]).to_csv(self.base / "table.csv", index=False)
        table = ["--data", "../table.csv", "--target", "late"]
        self.assay("init", "../new", *table)
        text = (self.base / "new/data/contract.py").read_text(encoding="utf-8")
        assert '"role": ["key", "pii"]' in text, text

    def begin(self) -> None:
        """Private columns, and a receiver of alerts."""
        self.edit("data/contract.py", "    depot: Series", f"{CONTRACT}    depot: Series")
        with (self.root / "data/contract.py").open("a", encoding="utf-8") as file:
            file.write(CHECK)
        self.edit("data/source.py", "    return frame\n", SOURCE)
        (self.root / "data/alerts.py").write_text(ALERTED, encoding="utf-8")
        self.edit(
            "params.yaml",
            "  input: data/raw",
            "  input: {format: csv, path: incoming}\n  carrier: local",
        )
        with (self.root / "params.yaml").open("a", encoding="utf-8") as file:
            file.write("alerts: {function: data.alerts.alerted}\n")
        ignored = (projects.ROOT / ".gitignore").read_text(encoding="utf-8")
        (self.root / ".gitignore").write_text(f"{ignored}/incoming/\n/alerts.txt\n")
        self.git("init", "--quiet")
        projects.dvc(self.root, "init", "--quiet")

    def train(self) -> None:
        """A contract that fails, a training that fails, then all stages, and a promotion."""
        self.assay("stage", "code")
        self.assay("stage", "ingest")
        self.edit("data/contract.py", 'str_contains="@"', 'str_contains="+"')
        self.assay("stage", "contract", code=None)
        self.edit("data/contract.py", 'str_contains="+"', 'str_contains="@"')
        self.assay("stage", "contract", code=0)
        self.assay("stage", "prepare")
        self.assay("stage", "leakage", code=None)
        self.edit("params.yaml", "{strategy: prior}", "{strategy: kein}")
        self.assay("stage", "train", "prior", code=None)
        self.edit("params.yaml", "{strategy: kein}", "{strategy: prior}")
        for stage in ("train prior", "train logistic", "select", "evaluate", "champion"):
            self.assay("stage", *stage.split())
        for stage in ("compare", "nights", "rehearse"):
            self.assay("stage", stage)
        self.edit("params.yaml", "perturb: missing", "perturb: missing\n      columns: [weight]")
        test = self.root / "tests/model/test_rows.py"
        test.write_text(FAILS, encoding="utf-8")
        self.assay("stage", "gate", code=3)  # weight may not be null
        test.unlink()
        self.edit("params.yaml", "perturb: missing\n      columns: [weight]", "perturb: missing")
        self.assay("stage", "gate")
        projects.dvc(self.root, "commit", "--force", "--quiet")
        self.commit()
        self.assay("promote", "--because", "first model")

    def live(self) -> None:
        """Nights that are refused, fail, alarm; labels that contradict; what people look at."""
        self.night("2024-03-01")
        self.assay("score", "--date", "2024-03-01")
        self.night("2024-03-02", _refused)
        text = self.root / "incoming/day=2024-03-02/kanariedatei.csv"
        lines = text.read_text(encoding="utf-8").splitlines()
        # A line of too many cells, one that is torn, and a number that is none.
        lines[6] += ",kanariezeile@example.org"
        lines[7] = f"kanariezeile@example.org;{lines[7][:30]}"
        lines[8] = lines[8].replace(str(PHONE)[:6], "kanariezelle", 1)
        text.write_text("\n".join(lines), encoding="utf-8")
        self.assay("score", "--date", "2024-03-02")
        self.assay("score", "--date", "2024-03-03", code=None)  # nothing was delivered
        file = self.night("2024-03-03", lambda rows: rows.drop(columns="phone"))
        self.assay("score", "--date", "2024-03-03", code=21)
        lines = file.read_text(encoding="utf-8").splitlines()[1:]
        file.write_text("\n".join(lines), encoding="utf-8")  # the first row is taken for a header
        self.assay("score", "--date", "2024-03-03", code=21)
        shutil.rmtree(file.parent)
        self.night("2024-03-03", lambda rows: rows.assign(weight=-1.0))  # all are refused
        self.assay("score", "--date", "2024-03-03", code=None)
        self.night("2024-03-04", _drifted)
        self.night("2024-03-05", _repeated)
        for day in ("2024-03-04", "2024-03-05"):
            self.assay("score", "--date", day, code=51)
            self.release(day)
        self.assay("monitor", "--date", "2024-03-04", "--notify", "--evidently", code=4)
        self.assay("nightly", "--json", code=None)
        self._labels()
        self._look()
        self._export()
        self._undo()

    def release(self, night: str) -> None:
        held = json.loads(self.assay("night", "history", "--date", night, "--json"))["events"][-1]
        self.assay("release", held["run_id"], "--because", "a holiday")

    def _labels(self) -> None:
        folder = self.root / "incoming"
        keys = private(nights.rows("2024-03-01"))[["parcel", "kunde", "late"]]
        for name, rows in {
            "gut": keys.dropna(),
            "zwei": pd.concat([keys.dropna(), keys.dropna().assign(late=False)]),
            "fremd": private(nights.rows("2024-02-01"))[["parcel", "kunde", "late"]].dropna(),
            "kopflos": keys,
            "falsch": keys.assign(late="kanariezelle"),
            "vertauscht": keys.rename(columns={"parcel": "kunde", "kunde": "parcel"}),
        }.items():
            file = folder / f"kanariedatei-{name}.csv"
            rows.to_csv(file, index=False, header=name != "kopflos")
            code = 0 if name == "gut" else None
            self.assay("labels", "--date", "2024-03-01", "--rows", str(file), code=code)
        with (folder / "kanariedatei-gut.csv").open("a", encoding="utf-8") as torn:
            torn.write("1,kanariezeile,true,more\n")
        broken = str(folder / "kanariedatei-gut.csv")
        self.assay("labels", "--date", "2024-03-01", "--rows", broken, code=None)
        self.assay("performance", code=None)

    def _look(self) -> None:
        parcel = int(nights.rows("2024-03-01")["parcel"][3])
        key = ["--key", f"parcel={parcel}", "--key", f"kunde=kanariekunde-{parcel % 100_000}"]
        self.assay("why", *key, "--page", "exports/why.html")
        self.assay("why", *key, "--json")
        self.assay("why", "--key", "parcel=9", "--key", "kunde=kanariekunde-x", code=None)
        for date in ("2024-03-02", "2024-03-03"):
            self.assay("quarantine", "show", "--date", date)
            self.assay("quarantine", "show", "--date", date, "--json")
        self.assay("diff", "2024-03-01", "2024-03-04", "--out", "exports/diff.csv")
        self.assay("diff", "2024-03-01", "2024-03-04", "--json")
        self.assay("plan", "--json", code=None)
        for command in ("status", "front", "versions", "alert", "doctor"):
            self.assay(command, code=None)
            self.assay(command, "--json", code=None)
        self.assay("night", "explain", "--date", "2024-03-04")
        for format in ("github", "gitlab"):
            self.assay("report", "--format", format, code=None)
        self.assay("drift", "incoming/day=2024-03-04/kanariedatei.csv", code=None)
        self.assay("ask", "--rule", "ranks late parcels first", code=None)

    def _export(self) -> None:
        night = ["--date", "2024-03-02"]
        self.assay("export", *night, "--to", "csv:exports/night.csv")
        self.assay("export", *night, "--to", "parquet:exports/night")
        self.assay("export", *night, "--to", "csv:exports/changes", "--changed")
        self.assay("quarantine", "export", *night)

    def _undo(self) -> None:
        parcel = int(nights.rows("2024-03-01")["parcel"][5])
        kunde = f"kanariekunde-{parcel % 100_000}"
        because = ["--because", "asked us to"]
        self.assay("forget", "--key", f"kunde={kunde}", *because, "--dry-run")
        self.assay("forget", "--key", f"kunde={kunde}", *because)
        self.assay("forget", "--key", f"kunde={kunde}", *because, code=None)
        shown = json.loads(self.assay("night", "history", "--date", "2024-03-02", "--json"))[
            "visible"
        ]
        self.assay("retract", shown, "--because", "wrong")
        self.assay("vacuum")
        self.assay("fsck", code=None)
        self.assay("front")


def _refused(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that break a rule: of another column, of a private one, of one that raises an error."""
    rows.loc[1, "weight"] = -1.0
    rows.loc[2, MAIL] = "kanariemail-without"
    rows.loc[3, MAIL] = "kanariemail-raises@example.org"
    rows.loc[4, "kunde"] = None
    return rows


def _drifted(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(distance=rows["distance"] * 50, depot="west")


def _repeated(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([rows, rows.iloc[:3]])
