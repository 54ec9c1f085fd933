"""The DAG, run with stand-ins that take what Airflow's own classes take, and nothing else.

scripts/platform_api.py reads those names from Airflow's wheels.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import jinja2
import pytest

from scripts.platform_api import keywords
from tests.ops.deploy.given import NASTY, project, texts

API = json.loads(Path(__file__).with_name("platform_api.json").read_text(encoding="utf-8"))


class StandIn:
    """Refuses keywords that the real class does not know; notes the others."""

    names: tuple[str, ...] = ()

    def __init__(self, **given: Any) -> None:
        unknown = given.keys() - set(self.names)
        if unknown:
            raise TypeError(f"unknown: {unknown}")
        self.given = given
        made.append(self)

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *_: object) -> None:
        pass


made: list[StandIn] = []


class DAG(StandIn):
    names = tuple(API["DAG"]["takes"])


class BashOperator(StandIn):
    names = (*API["BashOperator"]["takes"], *API["BaseOperator"]["takes"])


def run(text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the file gives to the DAG and to its one task."""
    for name in ("airflow", "airflow.providers", "airflow.providers.standard",
                 "airflow.providers.standard.operators"):  # fmt: skip
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    bash, sdk = ModuleType("bash"), ModuleType("sdk")
    vars(bash)["BashOperator"], vars(sdk)["DAG"] = BashOperator, DAG
    monkeypatch.setitem(sys.modules, "airflow.providers.standard.operators.bash", bash)
    monkeypatch.setitem(sys.modules, "airflow.sdk", sdk)
    made.clear()
    exec(compile(text, "dag.py", "exec"), {"__name__": "dag"})
    dag, task = made
    return dag.given, task.given


def dag_of(given: Any) -> str:
    return texts(given, "airflow")["late_flights_nightly.py"]


def test_airflow_takes_what_the_file_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    dag, task = run(dag_of(project(retries=1)), monkeypatch)
    assert (dag["dag_id"], dag["schedule"]) == ("late-flights", "17 5 * * *")
    assert (dag["max_active_runs"], dag["catchup"]) == (1, False)
    assert dag["start_date"].tzinfo is not None
    assert dag["dagrun_timeout"] == timedelta(minutes=2 * 240 + 5)
    assert task["skip_on_exit_code"] == [4, 6, 51]
    assert (task["retries"], task["execution_timeout"]) == (1, timedelta(minutes=240))
    # Airflow takes a command that ends so for the name of a file.
    assert not task["bash_command"].endswith((".sh", ".bash"))


def test_an_argument_that_airflow_does_not_know_would_be_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = dag_of(project()).replace("max_active_runs=1", "max_active_run=1")
    with pytest.raises(TypeError, match="max_active_run"):
        run(text, monkeypatch)


def test_the_names_are_read_from_source_as_it_is_written() -> None:
    source = """
class A:
    x: int = 1
    def __init__(self, *, b, c=2): ...
class D:
    dag_id: str = attrs.field()
    hidden: int = attrs.field(init=False)
    __all: ClassVar[int]
"""
    assert list(keywords(source, "A")) == ["b", "c"]
    assert list(keywords(source, "D")) == ["dag_id"]
    # Of several, the last one is that which runs.
    overloads = "def f(a): ...\nclass G:\n    def h(self, x, *, y): ...\ndef f(b, *, c): ...\n"
    assert [*keywords(overloads, "f"), *keywords(overloads, "G.h")] == ["b", "c", "x", "y"]


@pytest.mark.parametrize("folder", ["/srv/x.sh", NASTY])
def test_the_task_runs_the_command_whatever_the_folder_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    place = tmp_path / folder.removeprefix("/srv/").replace("/", "_")
    tools = place / ".venv" / "bin"
    tools.mkdir(parents=True)
    (tools / "assay").write_text('#!/bin/sh\nprintf "%s\\n" "$@" >calls\n')
    (tools / "assay").chmod(0o755)
    text = dag_of(project(folder=str(place)))
    ast.parse(text)
    _, task = run(text, monkeypatch)
    assert not task["cwd"].endswith((".sh", ".bash"))
    command, cwd, path = (
        jinja2.Template(each).render()  # as Airflow renders these fields
        for each in (task["bash_command"], task["cwd"], task["env"]["PATH"])
    )
    subprocess.run(["bash", "-c", command], cwd=cwd, env={"PATH": path}, check=True)
    assert (place / "calls").read_text().splitlines() == ["nightly", "--root", str(place), "--pull"]
