"""Versions and the history of a stage, for people and as JSON.

What a person overruled to promote a version is shown wherever that version is, and so is that
its tags do not say what its commit's verdict says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from assay.pages.terminal import console
from assay.project.params import Params
from assay.registry import fetch, tags, versions
from assay.registry.state import UNKNOWN, Assignment, RegistryState, Version
from assay.registry.verification import doubt, doubt_of_move, unverified

_WHOLE = frozenset({"version", "stage", "commit", "date", "bundle", "what"})
"""Columns that are of no use when a narrow terminal breaks them."""


def list_versions(
    root: Path, params: Params, *, stage: str | None = None, as_json: bool = False
) -> tuple[Version, ...]:
    """Print every version, the newest first, and what happened to the stage.

    Raises
    ------
    UsageError
        No name for a stage.
    NotARepository
    """
    stage = tags.asked(stage, params.registry.stage)
    known = versions.state(root, params.name)
    doubts = {each.version: doubt(each, fetch.verdict_of(root, each)) for each in known.versions}
    if as_json:
        print(json.dumps(_plain(known, params.name, stage, doubts), indent=2, ensure_ascii=False))
    else:
        _print(known, params.name, stage, doubts)
    return known.versions


Doubts = Mapping[str, str | None]
"""Version to the reason why it is unverified, None where it is verified."""


def _of_move(move: Assignment, known: RegistryState, doubts: Doubts) -> str | None:
    return doubt_of_move(move, known.find(move.version), doubts.get(move.version))


def _plain(known: RegistryState, name: str, stage: str, doubts: Doubts) -> dict[str, object]:
    return {
        "schema": 1,
        "name": name,
        "stage": stage,
        "holder": known.holders.get(stage),
        "versions": [
            {
                **asdict(each),
                "stages": list(known.held_by(each.version)),
                "unverified": doubts[each.version],
            }
            for each in reversed(known.versions)
        ],
        "history": [
            {**asdict(each), "unverified": _of_move(each, known, doubts)}
            for each in known.histories.get(stage, ())
        ],
    }


def _print(known: RegistryState, name: str, stage: str, doubts: Doubts) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    out = console()
    if not known.versions:
        out.print(f"{name}: no version yet. Make one with assay promote.", highlight=False)
    else:
        table = Table(title=f"Versions of {name}", box=box.SIMPLE, title_justify="left")
        for heading in ("version", "stage", "commit", "date", "by", "bundle", "gate", "why"):
            table.add_column(heading, overflow="fold", no_wrap=heading in _WHOLE)
        for each in reversed(known.versions):
            table.add_row(
                each.version,
                " ".join(known.held_by(each.version)),
                each.commit[:8],
                each.at[:10],
                escape(each.by.partition(" <")[0]),
                _short(each.bundle),
                (each.outcome or UNKNOWN)
                + (", overridden" if each.override else "")
                + (", unverified" if doubts[each.version] else ""),
                escape(each.why),
            )
        out.print(table)
        for each in reversed(known.versions):
            if doubts[each.version]:
                words = unverified(each.version, doubts[each.version])
                out.print(words, highlight=False, markup=False)
    past = known.histories.get(stage, ())
    if past:
        table = Table(title=f"History of {stage}", box=box.SIMPLE, title_justify="left")
        for heading in ("date", "what", "version", "by", "evidence", "why"):
            table.add_column(heading, overflow="fold", no_wrap=heading in _WHOLE)
        for move in past:
            table.add_row(
                move.at[:16].replace("T", " "),
                move.kind,
                move.version[:12],
                escape(move.by.partition(" <")[0]),
                escape(evidence_lines(move, _of_move(move, known, doubts))),
                escape(move.why),
            )
        out.print(table)


def evidence_lines(move: Assignment, doubt: str | None = None) -> str:
    """On what evidence a stage was given, a line a fact; nothing where it was taken away."""
    if move.kind == "unassign":
        return ""
    verdict = f", verdict {_short(move.verdict)}" if move.verdict else ""
    lines = [f"gate: {move.outcome or UNKNOWN}{verdict}"]
    if move.champion:
        lines.append(f"champion then: {move.champion[:12]}")
    if move.override:
        lines.append(f"OVERRIDDEN: {move.override}")
    if doubt:
        lines.append(f"UNVERIFIED: {doubt}")
    return "\n".join(lines)


def _short(digest: str) -> str:
    return digest if digest == UNKNOWN else digest.removeprefix("sha256:")[:12]
