"""Are the types of columns guessed rightly? ``python -m benchmarks.column_types``.

On the tables of `benchmarks.own_tables` that ship inside packages, beside duckdb, frictionless and
pandas, each asked for what it finds by itself. What is right was written down by a person who
looked at them: ``i`` an integer, ``f`` a float, ``b`` yes or no, ``t`` text, ``d`` a date or time.
A flag of 0 and 1 may be an integer or a boolean, whole numbers written with decimals either kind of
number, and a label of several classes the text of their names. `assay init` refuses two of these
tables before it says a type (one is too small, one has nothing to learn from): they are left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from benchmarks import peer_env
from benchmarks.own_tables import HOSTILE, TABLES, Table, call

RESULTS = Path(__file__).resolve().parents[1] / "reports" / "benchmarks" / "column-types.md"
ASKED = 0.95

FLAG, WHOLE = ("i", "b"), ("i", "f")
TRUTH: Mapping[str, Mapping[str, str | tuple[str, ...]]] = {
    "tips": {
        "total_bill": "f", "tip": "f", "sex": "t", "smoker": "b", "day": "t", "time": "t",
        "size": "i",
    },
    "gapminder": {
        "country": "t", "continent": "t", "year": "i", "lifeExp": "f", "pop": "i",
        "gdpPercap": "f", "iso_alpha": "t", "iso_num": "i", "centroid_lon": "f",
        "centroid_lat": "f",
    },
    "iris": {
        "sepal_length": "f", "sepal_width": "f", "petal_length": "f", "petal_width": "f",
        "species": "t", "species_id": "i",
    },
    "carshare": {"centroid_lat": "f", "centroid_lon": "f", "car_hours": "f", "peak_hour": "i"},
    "stocks": {
        "date": "d", "GOOG": "f", "AAPL": "f", "AMZN": "f", "FB": "f", "NFLX": "f", "MSFT": "f",
    },
    "planes": {
        "tailnum": "t", "year": "i", "type": "t", "manufacturer": "t", "model": "t",
        "engines": "i", "seats": "i", "speed": "i", "engine": "t",
    },
    "airports": {
        "faa": "t", "name": "t", "lat": "f", "lon": "f", "alt": "i", "tz": "i", "dst": "t",
        "tzone": "t",
    },
    "weather": {
        "origin": "t", "year": "i", "month": "i", "day": "i", "hour": "i", "temp": "f",
        "dewp": "f", "humid": "f", "wind_dir": "i", "wind_speed": "f", "wind_gust": "f",
        "precip": "f", "pressure": "f", "visib": "f", "time_hour": "d",
    },
    "anes96": {
        "popul": "i", "TVnews": "i", "selfLR": "i", "ClinLR": "i", "DoleLR": "i", "PID": "i",
        "age": "i", "educ": "i", "income": "i", "vote": FLAG,
    },
    "fair": {
        "rate_marriage": ("i", "t"), "age": "f", "yrs_married": "f", "children": "f",
        "religious": "i", "educ": "i", "occupation": "i", "occupation_husb": "i",
        "affairs": "f",
    },
    "modechoice": {
        "individual": "i", "mode": "i", "choice": FLAG, "ttme": "i", "invc": "i", "invt": "i",
        "gc": "i", "hinc": "i", "psize": "i",
    },
    "randhie": {
        "mdvis": "i", "lncoins": "f", "idp": FLAG, "lpi": "f", "fmde": "f", "physlm": "f",
        "disea": "f", "hlthg": FLAG, "hlthf": FLAG, "hlthp": FLAG,
    },
    "star98": {
        "MATHTOT": WHOLE, "PR50M": WHOLE,
        **dict.fromkeys(
            ("LOWINC", "PERASIAN", "PERBLACK", "PERHISP", "PERMINTE", "AVYRSEXP", "AVSALK",
             "PERSPENK", "PTRATIO", "PCTAF", "PCTCHRT", "PCTYRRND", "PERMINTE_AVYRSEXP",
             "PERMINTE_AVSAL", "AVYRSEXP_AVSAL", "PERSPEN_PTRATIO", "PERSPEN_PCTAF",
             "PTRATIO_PCTAF", "PERMINTE_AVYRSEXP_AVSAL", "PERSPEN_PTRATIO_PCTAF"), "f"),
    },
    "grunfeld": {"invest": "f", "value": "f", "capital": "f", "firm": "t", "year": "i"},
    "engel": {"income": "f", "foodexp": "f"},
}  # fmt: skip

TARGETS = {"planes": "seats"}
"""Where the usual target is refused: one engine has two planes."""

OURS = {"integer": "i", "float": "f", "boolean": "b", "string": "t", "timestamp": "d"}
FRICTIONLESS = {
    "integer": "i", "number": "f", "boolean": "b", "string": "t", "date": "d", "datetime": "d",
}  # fmt: skip

IN_PEERS = """
import json, sys
import duckdb
from frictionless import describe

path, name = sys.argv[1:]
if name == "duckdb":
    rows = duckdb.sql(f"describe from read_csv('{path}')").fetchall()
    print(json.dumps({row[0]: row[1] for row in rows}))
else:
    print(json.dumps({each.name: each.type for each in describe(path).schema.fields}))
"""


def ours(table: Table, folder: Path) -> dict[str, str]:
    file, made = str(table.file(folder)), str(folder / "project")
    target = TARGETS.get(table.name, table.target)
    asked = ["assay", "init", made, "--data", file, "--target", target, "--json"]
    code, answer = call(folder, [*asked, *table.options])
    if code:
        return {}
    document = json.loads(answer[answer.index("{") :])
    columns = [*document["columns"], *document["left_out"]]
    return {each["given"].strip("'\""): OURS.get(each["type"], "t") for each in columns}


def pandas(table: Table, folder: Path) -> dict[str, str]:
    found = {}
    for name, kind in pd.read_csv(table.file(folder)).dtypes.items():
        of = {"i": "i", "u": "i", "f": "f", "b": "b", "M": "d"}.get(kind.kind, "t")
        found[str(name).strip("'\"")] = of
    return found


def duckdb(table: Table, folder: Path, python: Path) -> dict[str, str]:
    def kind(name: str) -> str:
        if "INT" in name:
            return "i"
        if name.startswith(("DOUBLE", "FLOAT", "DECIMAL")):
            return "f"
        if name == "BOOLEAN":
            return "b"
        return "d" if name.startswith(("DATE", "TIME")) else "t"

    return {name: kind(each) for name, each in _peer(table, folder, python, "duckdb").items()}


def frictionless(table: Table, folder: Path, python: Path) -> dict[str, str]:
    found = _peer(table, folder, python, "frictionless")
    return {name: FRICTIONLESS.get(each, "t") for name, each in found.items()}


def _peer(table: Table, folder: Path, python: Path, name: str) -> dict[str, str]:
    # frictionless refuses a path outside its folder.
    local = folder / table.file(folder).name
    local.write_bytes(table.file(folder).read_bytes())
    done = subprocess.run(
        [str(python), "-c", IN_PEERS, local.name, name],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        print(done.stderr[-300:], file=sys.stderr)
        return {}
    found: dict[str, str] = json.loads(done.stdout)
    return {column.strip("'\""): kind for column, kind in found.items()}


def main() -> int:
    """Ask all of all tables, and write the results; 1 if fewer than `ASKED` of ours are right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env", type=Path, default=Path("build/peers/tables"))
    python = peer_env.tables(parser.parse_args().env.resolve())
    askers: dict[str, Callable[[Table, Path], dict[str, str]]] = {
        "assay init": ours,
        "duckdb": lambda table, folder: duckdb(table, folder, python),
        "frictionless": lambda table, folder: frictionless(table, folder, python),
        "pandas": pandas,
    }
    right, wrong, count, seen = dict.fromkeys(askers, 0), [], 0, set()
    for table in TABLES:
        if table.package == HOSTILE or table.name in seen or table.name not in TRUTH:
            continue
        seen.add(table.name)
        truth = TRUTH[table.name]
        count += len(truth)
        for asker, ask in askers.items():
            with tempfile.TemporaryDirectory() as folder:
                found = ask(table, Path(folder))
            for column, kind in truth.items():
                if found.get(column, "?") in kind:
                    right[asker] += 1
                else:
                    wrong.append((table.name, column, asker, "".join(kind), found.get(column)))
    RESULTS.write_text(written(right, wrong, count, len(seen)), encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))
    return 0 if right["assay init"] >= ASKED * count else 1


def written(
    right: Mapping[str, int],
    wrong: list[tuple[str, str, str, str, str | None]],
    count: int,
    tables: int,
) -> str:
    """The results as Markdown."""
    words = {"i": "integer", "f": "float", "b": "boolean", "t": "text", "d": "time", None: "none"}
    lines = [
        "# Types of columns",
        "",
        "Written by `python -m benchmarks.column_types`: what is found without a word said, of "
        f"{count} columns of {tables} tables that ship inside packages.",
        "",
        "| | right | share |",
        "|---|--:|--:|",
        *(f"| {name} | {each} | {each / count:.1%} |" for name, each in right.items()),
        "",
        "| table | column | is | found by | as |",
        "|---|---|---|---|---|",
        *(
            f"| {table} | {column} | {' or '.join(words[each] for each in kind)} | {asker} "
            f"| {words.get(found, str(found))} |"
            for table, column, asker, kind, found in wrong
        ),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
