"""`python -m scripts.public_face`: what a version promises, and what a change of it would break.

The face is what users write against: keys of params.yaml with their defaults and values, commands
with their options, exit codes, columns of the store's tables, and names and signatures in Python.
docs/public-face.json is that of the last release; it is written when a version is made
(``--write``). A test compares the tree with it, so that nothing breaks unnoticed: what breaks
asks for a higher version, in the sense of semver.org.
"""

from __future__ import annotations

import inspect
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pyarrow as pa

import assay
from assay import sources, testing
from assay.cli.__main__ import build_parser
from assay.errors import codes
from assay.gate.rules.kinds import KINDS
from assay.project.params import Params
from assay.project.tasks import Task
from assay.store.delta import tables
from scripts.commands_page import OF_ALL, _commands

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "docs" / "public-face.json"
Face = Mapping[str, Mapping[str, str]]
"""Part -> name -> what is promised of it; names in an order of their own."""

REQUIRED = "required"


def face() -> Face:
    """That of the tree."""
    return {
        "params.yaml": dict(sorted(_keys(Params.model_json_schema()))),
        "rules of the gate": {
            f"{kind}: {key}": told
            for kind, rule in sorted(KINDS.items())
            for key, told in sorted(_keys(rule.model_json_schema()))
        },
        "commands": dict(sorted(_options(build_parser(), "assay"))),
        "exit codes": {f"{each.code}": each.name for each in codes.explain(None).codes},
        "tables": dict(sorted(_columns())),
        "Python": dict(sorted(_names())),
    }


def _keys(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each key of a document with its default and its values."""
    yield from _below(schema, schema.get("$defs", {}), "", ())


def _below(
    part: Mapping[str, Any], known: Mapping[str, Any], at: str, within: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        if name not in within:
            yield from _below(known[name], known, at, (*within, name))
        return
    for several in ("anyOf", "oneOf", "allOf"):
        for each in part.get(several, ()):
            yield from _below(each, known, at, within)
    if isinstance(part.get("items"), Mapping):
        yield from _below(part["items"], known, f"{at}[]", within)
    if isinstance(part.get("additionalProperties"), Mapping):
        yield from _below(part["additionalProperties"], known, f"{at}.*", within)
    for name, each in part.get("properties", {}).items():
        place = f"{at}.{name}".removeprefix(".")
        default = each.get("default")
        # What a section holds is said by its keys.
        default = "a section" if isinstance(default, Mapping) else json.dumps(default)
        given = REQUIRED if name in part.get("required", ()) else default
        values = f" of {', '.join(map(str, each['enum']))}" if "enum" in each else ""
        yield place, given + values
        yield from _below(each, known, place, within)


def _options(parser: Any, name: str) -> Iterator[tuple[str, str]]:
    options = [action for action in parser._actions if action.dest not in ("help", "command")]
    taken = sorted(
        "/".join(action.option_strings) or action.dest.upper()
        for action in options
        if not {*action.option_strings} & {*OF_ALL} and not hasattr(action, "_name_parser_map")
    )
    yield name, " ".join(taken)
    for below, command in _commands(parser).items():
        yield from _options(command, f"{name} {below}")


def _columns() -> Iterator[tuple[str, str]]:
    keys = pa.schema([("KEY", pa.string())])
    small = {*tables.APPENDED} - {tables.LABELS}
    shapes = {
        **{name: tables.small_schema(name, "NIGHT") for name in sorted(small)},
        tables.QUARANTINE: tables.quarantine_schema("NIGHT", keys),
    }
    for task in get_args(Task):
        shapes[f"{tables.PREDICTIONS} ({task})"] = tables.predictions_schema("NIGHT", keys, task)
        shapes[f"{tables.LABELS} ({task})"] = tables.labels_schema("NIGHT", keys, task)
    for name, schema in shapes.items():
        yield from ((f"{name}: {field.name}", str(field.type)) for field in schema)


def _names() -> Iterator[tuple[str, str]]:
    for module in (assay, sources, testing):
        for name in module.__all__:
            found = getattr(module, name)
            at = f"{module.__name__}.{name}"
            yield at, "" if inspect.isclass(found) else _signature(found)
            if inspect.isclass(found):
                for part, each in sorted(vars(found).items()):
                    if not part.startswith("_") and not isinstance(each, ModuleType):
                        yield f"{at}.{part}", _signature(each)


def _signature(found: Any) -> str:
    try:
        return str(inspect.signature(found)).replace("'", "")
    except (TypeError, ValueError):
        return ""


def breaks(before: Face, now: Face) -> list[str]:
    """What somebody's project, script or query would stumble over, a line each.

    What is new breaks nothing, but for a key that has to be there, in a section or a kind of rule
    that was there before.
    """
    found = []
    for part, names in before.items():
        for name, told in names.items():
            new = now.get(part, {}).get(name)
            if new is None:
                found.append(f"{part}: {name} is gone")
            elif part == "commands":
                lost = sorted({*told.split()} - {*new.split()})
                found += [f"{part}: {name} no longer takes {each}" for each in lost]
            elif new != told and not _wider(told, new):
                found.append(f"{part}: {name} was {told or 'nothing'}, is {new or 'nothing'}")
    for part, names in now.items():
        known = before.get(part, {})
        kinds = {name.rpartition(": ")[0] for name in known} | {""}
        for name, told in names.items():
            kind, above = name.rpartition(": ")[0], name.rpartition(".")[0]
            asked = name not in known and told.startswith(REQUIRED) and kind in kinds
            if asked and (not above or above in known):
                found.append(f"{part}: {name} has to be given")
    return found


def _wider(told: str, new: str) -> bool:
    """Whether a key takes more values than before, with the default that it had."""
    (default, _, values), (default_now, _, values_now) = (
        told.partition(" of "),
        new.partition(" of "),
    )
    return default == default_now and (
        not values_now or (bool(values) and {*values.split(", ")} <= {*values_now.split(", ")})
    )


def is_high_enough(before: str, now: str) -> bool:
    """Whether a version may break what one before promised: the first number that counts grew."""
    old, new = (tuple(int(each) for each in version.split(".")[:2]) for version in (before, now))
    return new[0] > old[0] or (old[0] == 0 and new > old)


def kept(root: Path = ROOT) -> tuple[str, Face]:
    """The last release's version and face, or before the first what it will be."""
    found = json.loads((root / FILE.relative_to(ROOT)).read_text(encoding="utf-8"))
    return found["version"], found["face"]


def write(root: Path, of: str) -> None:
    """Keep the tree's face as that of version ``of``."""
    text = json.dumps({"version": of, "face": face()}, indent=1, ensure_ascii=False)
    (root / FILE.relative_to(ROOT)).write_text(text + "\n", encoding="utf-8")


def version() -> str:
    """Of the tree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def main() -> None:
    """Say what breaks, or write the face of the version that is being made."""
    if sys.argv[1:] == ["--write"]:
        write(ROOT, version())
        return
    last, promised = kept()
    found = breaks(promised, face())
    print(*found, sep="\n")
    if found and not is_high_enough(last, version()):
        sys.exit(f"breaks what {last} promised, so it needs a higher version")


if __name__ == "__main__":
    main()
