"""The command ``assay card``: all forms of a version's card, in one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.errors import UsageError
from assay.project import partitions
from assay.project.params import Params
from assay.promotion.card import bom, markdown
from assay.promotion.card.facts import read_facts
from assay.registry import versions
from assay.registry.pin import is_number

CARD, ANNEX, BOM = "README.md", "annex-iv.md", "bom.cdx.json"
EXPORTS = Path("exports")


@dataclass(frozen=True)
class WrittenCard:
    """The folder, its files, and the fields of ``card`` that nobody has stated."""

    version: str
    folder: str
    files: tuple[str, ...]
    missing: tuple[str, ...]


def run(root: Path, params: Params, name: str | None, annex: bool, out: Path | None) -> WrittenCard:
    """Write a version's card.

    Parameters
    ----------
    name
        A number or a stage; None stands for ``registry.stage``.
    annex
        Write it as technical documentation by Annex IV of the AI Act, too.
    out
        A new folder, by default below ``exports``.

    Raises
    ------
    UsageError
        The folder is there already.
    AssayError
        There is no such version, or its bundle or commit cannot be had.
    """
    if out is not None:
        partitions.check_parent(out, "--out")
    known, wanted = versions.read_state(root, params.name), name or params.registry.stage
    find = versions.select_version if is_number(wanted) else versions.select_champion
    version = find(known, params.name, wanted)
    folder = out or root / EXPORTS / f"{params.name}-{version.version}-card"
    if folder.exists():
        raise UsageError(
            "it is there already",
            where=str(folder),
            expected="a new folder",
            fix="Name another with --out, or delete it.",
        )
    facts = read_facts(root, params, known, version)
    card = markdown.front_matter(facts) + markdown.render(facts)
    files = {**markdown.draw(facts), CARD: card, BOM: bom.render(facts)}
    if annex:
        files[ANNEX] = markdown.render(facts, annex=True)
    with partitions.replace_folder(folder) as made:
        for file, text in files.items():
            (made / file).write_text(text, encoding="utf-8")
    return WrittenCard(version.version, str(folder), tuple(sorted(files)), tuple(facts.missing))
