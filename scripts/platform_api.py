r"""`python -m scripts.platform_api WHEEL...`: what platforms' wheels say that they take.

Airflow, Prefect, Dagster and Azure ML's SDK cannot be installed beside this project's pins, or
bring dozens of packages, and Google's client holds the descriptions of all its services. So the
names that they take are read from their wheels, without running anything, and kept in
tests/ops/deploy/platform_api.json, which the tests hold the written files to. To renew some of it:

    pip download --no-deps apache-airflow-task-sdk apache-airflow-providers-standard \
        prefect dagster google-api-python-client azure-ai-ml
    python -m scripts.platform_api *.whl
"""

from __future__ import annotations

import ast
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "tests" / "ops" / "deploy" / "platform_api.json"
SOURCES = {
    "DAG": "airflow/sdk/definitions/dag.py",
    "BaseOperator": "airflow/sdk/bases/operator.py",
    "BashOperator": "airflow/providers/standard/operators/bash.py",
    "task": "prefect/tasks.py",
    "FlowDecorator.__call__": "prefect/flows.py",
    "Flow.serve": "prefect/flows.py",
    "op": "dagster/_core/definitions/decorators/op_decorator.py",
    "job": "dagster/_core/definitions/decorators/job_decorator.py",
    "ScheduleDefinition": "dagster/_core/definitions/schedule_definition.py",
    "Definitions.__new__": "dagster/_core/definitions/definitions_class.py",
    "Failure": "dagster/_core/definitions/events.py",
    "RetryRequested": "dagster/_core/definitions/events.py",
}
SCHEMAS = {
    "Job": "googleapiclient/discovery_cache/documents/run.v1.json",
    "Batch": "googleapiclient/discovery_cache/documents/dataproc.v1.json",
}
AZURE = "azure/ai/ml/_schema/"
FIELDS = (
    "JobScheduleSchema",
    "CronTriggerSchema",
    "PipelineJobSchema",
    "PipelineJobSettingsSchema",
    "CommandSchema",
    "AnonymousEnvironmentSchema",
    "ManagedIdentitySchema",
    "CommandJobLimitsSchema",
    "JobResourceConfigurationSchema",
)
_OF_A_SCHEMA = ("type", "format", "enum", "$ref", "items", "additionalProperties", "properties")


def read(wheels: list[Path]) -> dict[str, Any]:
    """Class or function -> the keywords that it takes; kind of resource -> its schemas.

    Each with the name of the wheel that says so.
    """
    found: dict[str, Any] = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name, path in SOURCES.items():
                if path in archive.namelist():
                    source = archive.read(path).decode()
                    found[name] = {"of": wheel.name, "takes": sorted({*keywords(source, name)})}
            for name, path in SCHEMAS.items():
                if path in archive.namelist():
                    every = json.loads(archive.read(path))["schemas"]
                    found[name] = {"of": wheel.name, "schemas": dict(sorted(schemas(every, name)))}
            if any(path.startswith(AZURE) for path in archive.namelist()):
                known = declared(archive)
                for name in FIELDS:
                    found[name] = {"of": wheel.name, "takes": sorted(fields(known, name))}
    if not found:
        raise SystemExit("these wheels say nothing of it")
    return found


def declared(archive: zipfile.ZipFile) -> dict[str, ast.ClassDef]:
    """The schemas of Azure ML's files, by name."""
    return {
        node.name: node
        for path in archive.namelist()
        if path.startswith(AZURE) and path.endswith(".py")
        for node in ast.parse(archive.read(path)).body
        if isinstance(node, ast.ClassDef)
    }


def fields(known: dict[str, ast.ClassDef], name: str) -> set[str]:
    """The keys that a schema of Azure ML takes in a file, with those of its bases."""
    if name not in known:
        return set()
    made = known[name]
    bases = [base.id for base in made.bases if isinstance(base, ast.Name)]
    return set().union(*(fields(known, base) for base in bases)) | {
        node.targets[0].id
        for node in made.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Call)
        and "dump_only=True" not in ast.unparse(node.value)
    }


def keywords(source: str, name: str) -> Iterator[str]:
    """What a class or function of `source` takes: of a class its __init__, or attrs' fields."""
    *outer, last = name.split(".")
    scope: Any = ast.parse(source)
    for each in outer:
        scope = _last(scope, each)
    made = _last(scope, last)
    if isinstance(made, ast.ClassDef):
        inits = [each for each in made.body if getattr(each, "name", "") == "__init__"]
        if not inits:
            for node in made.body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    if "init=False" not in ast.unparse(node) and "ClassVar" not in ast.unparse(
                        node
                    ):
                        yield node.target.id
            return
        made = inits[-1]
    positional = [each.arg for each in made.args.args]
    yield from (each for each in positional if each not in ("self", "cls"))
    yield from (each.arg for each in made.args.kwonlyargs)


def _last(scope: Any, name: str) -> Any:
    """The last definition: those before it may be for type checkers alone."""
    nodes = [node for node in ast.walk(scope) if getattr(node, "name", "") == name]
    return nodes[-1]


def schemas(every: dict[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """A schema and those that it refers to, without their words."""
    left, seen = [name], {name}
    while left:
        current = left.pop()
        yield current, _bare(every[current])
        text = json.dumps(every[current])
        for other in every:
            if f'"$ref": "{other}"' in text and other not in seen:
                seen.add(other)
                left.append(other)


def _bare(schema: Any) -> Any:
    kept = {key: schema[key] for key in _OF_A_SCHEMA if key in schema}
    for key in ("items", "additionalProperties"):
        if key in kept:
            kept[key] = _bare(kept[key])
    if "properties" in kept:
        kept["properties"] = {name: _bare(each) for name, each in kept["properties"].items()}
    return kept


if __name__ == "__main__":
    api = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    api |= read([Path(each) for each in sys.argv[1:]])
    text = json.dumps(dict(sorted(api.items())), indent=1)
    KEPT.write_text(text + "\n", encoding="utf-8")
    print(KEPT.relative_to(ROOT))
