"""`python -m scripts.airflow_api WHEEL...`: what Airflow's own wheels say that a DAG may be given.

Airflow cannot be installed beside this project's pins, and takes minutes. So the names that `DAG`
and `BashOperator` take are read from their source, without running it, and kept in
tests/ops/deploy/airflow_api.json, which the tests hold the written DAG to. To renew it:

    pip download --no-deps apache-airflow-task-sdk apache-airflow-providers-standard
    python -m scripts.airflow_api apache_airflow_*.whl
"""

from __future__ import annotations

import ast
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "tests" / "monitor" / "deploy" / "airflow_api.json"
SOURCES = {
    "airflow/sdk/definitions/dag.py": "DAG",
    "airflow/sdk/bases/operator.py": "BaseOperator",
    "airflow/providers/standard/operators/bash.py": "BashOperator",
}


def read(wheels: list[Path]) -> dict[str, list[str]]:
    """Class -> the keywords that it takes; and the wheels, by name."""
    found: dict[str, list[str]] = {"wheels": sorted(wheel.name for wheel in wheels)}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for path, name in SOURCES.items():
                if path in archive.namelist():
                    found[name] = sorted(keywords(archive.read(path).decode(), name))
    missing = set(SOURCES.values()) - found.keys()
    if missing:
        raise SystemExit(f"not in these wheels: {', '.join(sorted(missing))}")
    return found


def keywords(source: str, name: str) -> Iterator[str]:
    """What a class of `source` takes: its __init__'s keywords, or attrs' fields."""
    (made,) = (
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef) and node.name == name
    )
    for node in made.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            yield from (each.arg for each in node.args.kwonlyargs)
            return
    for node in made.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if "init=False" not in ast.unparse(node) and "ClassVar" not in ast.unparse(node):
                yield node.target.id


if __name__ == "__main__":
    api = read([Path(each) for each in sys.argv[1:]])
    KEPT.write_text(json.dumps(api, indent=2) + "\n", encoding="utf-8")
    print(KEPT.relative_to(ROOT))
