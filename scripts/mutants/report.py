"""What became of the mutants: a table for people, and the same as JSON.

Modules are kept apart: trying the mutants of one again leaves what was found of the others.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.mutants.make import Mutant

HEAD = """\
# Mutation testing of the gate

Written by `make mutants`. Each mutant is one small change to the code: a comparison turned or
moved by its boundary, `and` for `or`, a number, a sign or a truth changed, a condition turned, a
result, statement or argument left out. A mutant is killed when a test fails, or when tests take
over five times as long as they should. Texts, type hints and imports are left alone.
"""

Tree = dict[str, Any]


@dataclass(frozen=True)
class Tried:
    """A mutant and what became of it: ``killed``, ``timed out`` or ``survived``."""

    mutant: Mutant
    outcome: str
    seconds: float


def module(file: str, source: bytes, tried: Iterable[Tried]) -> Tree:
    """What was found of one module."""
    some = list(tried)
    lived = [each.mutant for each in some if each.outcome == "survived"]
    return {
        "file": file,
        "sha256": hashlib.sha256(source).hexdigest(),
        "mutants": len(some),
        "killed": len(some) - len(lived),
        "timed_out": sum(each.outcome == "timed out" for each in some),
        "seconds": round(sum(each.seconds for each in some)),
        "survivors": [
            {"line": each.line, "in": each.where, "change": each.change} for each in lived
        ],
    }


def read(folder: Path) -> list[Tree]:
    """The modules of an earlier report; none if there is no report."""
    path = folder / "mutants.json"
    if not path.exists():
        return []
    found: list[Tree] = json.loads(path.read_text(encoding="utf-8"))["modules"]
    return found


def merged(old: Iterable[Tree], new: Iterable[Tree], known: Iterable[str]) -> list[Tree]:
    """What was found now, and of the other ``known`` modules what was found before."""
    found = {each["file"]: each for each in (*old, *new)}
    return [found[name] for name in known if name in found]


def write(
    folder: Path, modules: list[Tree], survivors: Path, sources: Mapping[str, bytes]
) -> float:
    """Leave README.md and mutants.json in ``folder``; the share of mutants that were killed.

    Parameters
    ----------
    survivors
        The hand-kept reasons, by file, function and change, so that lines may move.
    sources
        The modules as they are, to tell which were changed since their mutants were tried.
    """
    reasons = _reasons(survivors)
    total = sum(each["mutants"] for each in modules)
    killed = sum(each["killed"] for each in modules)
    share = killed / total
    for each in modules:
        for one in each["survivors"]:
            one["reason"] = reasons.get((each["file"], one["in"], one["change"]))
    document = {
        "schema": 1,
        "mutants": total,
        "killed": killed,
        "share": round(share, 4),
        "modules": modules,
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    (folder / "mutants.json").write_text(text, encoding="utf-8")
    minutes = sum(each["seconds"] for each in modules) / 60
    lines = [
        HEAD,
        f"**{killed} of {total} mutants are killed: {share:.1%}.** "
        f"Trying them took {minutes:.0f} minutes of one core.",
        "",
        "| module | mutants | killed | survived | share | |",
        "|---|---:|---:|---:|---:|---|",
        *(_row(each, sources) for each in modules),
        "",
        "## Survivors",
        "",
        *(_line(each["file"], one) for each in modules for one in each["survivors"]),
    ]
    (folder / "README.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return share


def _row(each: Tree, sources: Mapping[str, bytes]) -> str:
    file, total, killed = each["file"], each["mutants"], each["killed"]
    same = hashlib.sha256(sources[file]).hexdigest() == each["sha256"]
    share = f"{killed / total:.1%}" if total else ""
    note = "" if same else "changed since"
    return f"| {file} | {total} | {killed} | {total - killed} | {share} | {note} |"


def _line(file: str, survivor: Tree) -> str:
    change = survivor["change"].replace("`", "'")
    return (
        f"- {file}:{survivor['line']}, in {survivor['in']}: `{change}`. "
        f"{survivor['reason'] or 'No reason is given yet.'}"
    )


def _reasons(survivors: Path) -> dict[tuple[str, str, str], str]:
    if not survivors.exists():
        return {}
    listed = tomllib.loads(survivors.read_text(encoding="utf-8")).get("survivor", [])
    return {(each["file"], each["in"], each["change"]): each["reason"] for each in listed}
