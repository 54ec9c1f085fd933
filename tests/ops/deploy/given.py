"""Projects whose schedules the tests of this folder write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from assay.ops.deploy.targets import TARGETS
from assay.project import params
from assay.project.params import Params
from scripts import schedules

ROOT = schedules.ROOT
NASTY = '/srv/it\'s "100%" $HOME `id` $(id) {{ 1 }} {% x %} #; ünï & <b>'
"""A folder whose name means something in each syntax of a schedule, and is one line."""


def project(**schedule: Any) -> Params:
    """The reference project with its rows in a bucket, and changes of ``schedule``."""
    given = schedules.in_cloud(params.load(ROOT))
    changed = given.schedule.model_dump(by_alias=True, exclude={"databricks"}) | schedule
    changed["databricks"] = given.schedule.databricks
    made = type(given.schedule).model_validate(changed)
    return given.model_copy(update={"schedule": made})


def with_spark(given: Params, **conf: str) -> Params:
    settings = {name.replace("__", "."): value for name, value in conf.items()}
    return given.model_copy(update={"spark": given.spark.model_copy(update={"conf": settings})})


def texts(given: Params, target: str) -> dict[str, str]:
    """File name -> text."""
    return dict(TARGETS[target](given, f"deploy/{target}").texts())


def documents(text: str) -> list[dict[str, Any]]:
    """The documents of a YAML file."""
    return list(YAML(typ="safe", pure=True).load_all(text))


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
