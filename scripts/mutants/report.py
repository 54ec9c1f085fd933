"""What became of the mutants: a table for people, and the same as JSON."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from scripts.mutants.make import Mutant

HEAD = """\
# Mutation testing of the gate

Written by `make mutants`. Each mutant is one small change to the code: a comparison turned or
moved by its boundary, `and` for `or`, a number, a sign or a truth changed, a condition turned, a
result, statement or argument left out. A mutant is killed when a test fails, or when tests take
over five times as long as they should. Texts, type hints and imports are left alone.
"""


@dataclass(frozen=True)
class Tried:
    """A mutant and what became of it: ``killed``, ``timed out`` or ``survived``."""

    mutant: Mutant
    outcome: str
    seconds: float


def write(folder: Path, tried: list[Tried], survivors: Path, seconds: float) -> float:
    """Leave README.md and mutants.json in ``folder``; the share of mutants that were killed."""
    reasons = _reasons(survivors)
    lived = [each for each in tried if each.outcome == "survived"]
    share = 1 - len(lived) / len(tried)
    files = sorted({each.mutant.file for each in tried})
    rows = [
        (file, *_counts([each for each in tried if each.mutant.file == file])) for file in files
    ]
    document = {
        "schema": 1,
        "mutants": len(tried),
        "killed": len(tried) - len(lived),
        "share": round(share, 4),
        "seconds": round(seconds),
        "files": [
            {"file": file, "mutants": count, "killed": killed, "timed_out": late}
            for file, count, killed, late in rows
        ],
        "survivors": [
            {
                "file": each.mutant.file,
                "line": each.mutant.line,
                "in": each.mutant.where,
                "change": each.mutant.change,
                "reason": reasons.get(_key(each.mutant)),
            }
            for each in lived
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    (folder / "mutants.json").write_text(text, encoding="utf-8")
    lines = [
        HEAD,
        f"**{len(tried) - len(lived)} of {len(tried)} mutants are killed: {share:.1%}.** "
        f"The run took {seconds / 60:.0f} minutes.",
        "",
        "| module | mutants | killed | survived | share |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {file} | {count} | {killed} | {count - killed} | {killed / count:.1%} |"
            for file, count, killed, _ in rows
        ),
        "",
        "## Survivors",
        "",
        *(_line(each.mutant, reasons.get(_key(each.mutant))) for each in lived),
    ]
    (folder / "README.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return share


def _counts(tried: list[Tried]) -> tuple[int, int, int]:
    killed = sum(each.outcome != "survived" for each in tried)
    return len(tried), killed, sum(each.outcome == "timed out" for each in tried)


def _line(mutant: Mutant, reason: str | None) -> str:
    change = mutant.change.replace("`", "'")
    return (
        f"- {mutant.file}:{mutant.line}, in {mutant.where}: `{change}`. "
        f"{reason or 'No reason is given yet.'}"
    )


def _key(mutant: Mutant) -> tuple[str, str, str]:
    return mutant.file, mutant.where, mutant.change


def _reasons(survivors: Path) -> dict[tuple[str, str, str], str]:
    """The hand-kept reasons, by file, function and change, so that lines may move."""
    if not survivors.exists():
        return {}
    listed = tomllib.loads(survivors.read_text(encoding="utf-8")).get("survivor", [])
    return {(each["file"], each["in"], each["change"]): each["reason"] for each in listed}
