"""Assay's own code: which files a stage runs, and digests of them.

Found by following imports, so that no list can miss a module that decides. A verdict names the
digest of the code that judged. A project that only installs Assay has a stage ``assay code``, which
leaves a digest for each stage: after an upgrade DVC runs those again whose code changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from assay.project import sources

STAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ingest": ("assay.training.tables.ingest",),
        "contract": ("assay.contract.stage",),
        "prepare": ("assay.training.tables.prepare",),
        "leakage": ("assay.training.leakage.stage",),
        "train": ("assay.training.train.stage",),
        "select": ("assay.training.train.select",),
        "evaluate": ("assay.evaluation.evaluate.stage",),
        "champion": ("assay.registry.champion",),
        "compare": ("assay.evaluation.compare.stage",),
        # The second measures cost, and is run by its name in a process of its own.
        "rehearse": ("assay.evaluation.rehearse.stage", "assay.evaluation.rehearse.cost"),
        # Pytest loads the second, by its name.
        "gate": ("assay.gate.stage", "assay.gate.under_pytest.plugin"),
    }
)
"""``assay STAGE`` -> the modules that it starts from, its own first."""

JUDGES = ("contract", "leakage", "evaluate", "compare", "rehearse", "gate")
"""Stages that measure a bundle and decide about it."""

LOOKS = "assay/pages/"
"""How pages look decides nothing."""

TEMPLATES = "assay/pages/templates"
"""What pages are made of. A module names the file that it fills in, in double quotes, and so does
a template that takes in another."""

PACKAGE = Path(__file__).resolve().parents[1]


def files(package: Path, stages: Iterable[str]) -> dict[str, str]:
    """The files of ``assay`` that some stages run, and the templates that these fill in.

    Parameters
    ----------
    package
        The folder ``assay`` with its modules.

    Returns
    -------
    Path from the folder that holds ``package`` -> text.
    """
    modules = [name for stage in stages for name in STAGES[stage]]
    found = sources.needed_of_assay(package, modules)
    return {**found, **_templates(package.parent / TEMPLATES, found.values())}


def _templates(folder: Path, texts: Iterable[str]) -> dict[str, str]:
    """Those that are named between quotes in ``texts`` or in one another."""
    left = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.*"))}
    found, todo = {}, list(texts)
    while todo:
        text = todo.pop()
        for name in [name for name in left if f'"{name}"' in text]:
            found[f"{TEMPLATES}/{name}"] = left[name]
            todo.append(left.pop(name))
    return found


def judging_files(package: Path) -> dict[str, str]:
    """Those that measure and decide, which is what a verdict depends on."""
    found = files(package, JUDGES)
    return {path: text for path, text in found.items() if not path.startswith(LOOKS)}


@cache
def judging() -> str:
    """Digest of what measures and decides, as it is installed."""
    return digest(judging_files(PACKAGE))


def by_stage() -> dict[str, str]:
    """Digest of the installed code of each stage."""
    return {stage: digest(files(PACKAGE, [stage])) for stage in STAGES}


def digest(texts: sources.Files) -> str:
    """Of files' names and texts, as ``sha256:<hex>``."""
    whole = hashlib.sha256()
    for path, text in sorted(texts.items()):
        for part in (path, text):
            whole.update(f"{len(part.encode())}:".encode())
            whole.update(part.encode())
    return f"sha256:{whole.hexdigest()}"
