"""Assay's own code: the files that each stage runs, and their digests.

The files are found by following imports, so a module that affects a decision cannot be missed. A
verdict stores the digest of the code that produced it. A project that installs Assay as a package
has a stage ``assay code``, which writes one digest per stage. After an upgrade, DVC reruns the
stages whose code changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from assay.project import source_code

STAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ingest": ("assay.training.tables.ingest",),
        "contract": ("assay.contract.stage",),
        "prepare": ("assay.training.tables.prepare",),
        "leakage": ("assay.training.leakage.stage",),
        "train": ("assay.training.train.stage",),
        "select": ("assay.training.train.select",),
        "evaluate": ("assay.evaluation.evaluate",),
        "champion": ("assay.registry.champion",),
        "compare": ("assay.evaluation.compare",),
        "nights": ("assay.evaluation.last_nights",),
        # The second module measures cost. It is run by name in a separate process.
        "rehearse": ("assay.evaluation.rehearse", "assay.evaluation.cost"),
        # Pytest loads the second module by name.
        "gate": ("assay.gate.stage", "assay.gate.pytest_run.plugin"),
    }
)
"""Stage -> its entry modules, the main one first."""

JUDGES = ("contract", "leakage", "evaluate", "compare", "nights", "rehearse", "gate")
"""Stages that measure or judge a bundle."""

LOOKS = "assay/pages/"
"""Page layout. It cannot change a verdict."""

TEMPLATES = "assay/pages/templates"
"""Page templates. A module or template refers to a template by its file name in double quotes."""

PACKAGE = Path(__file__).resolve().parents[1]


def stage_files(package: Path, stages: Iterable[str]) -> dict[str, str]:
    """The source files of ``assay`` that these stages run, and the templates that they render.

    Parameters
    ----------
    package
        The package folder ``assay``.

    Returns
    -------
    Path relative to the parent of ``package`` -> text.
    """
    modules = [name for stage in stages for name in STAGES[stage]]
    found = source_code.find_assay_dependencies(package, modules)
    return {**found, **_templates(package.parent / TEMPLATES, found.values())}


def _templates(folder: Path, texts: Iterable[str]) -> dict[str, str]:
    """The templates that ``texts`` refer to, directly or through other templates."""
    left = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.*"))}
    found, todo = {}, list(texts)
    while todo:
        text = todo.pop()
        for name in [name for name in left if f'"{name}"' in text]:
            found[f"{TEMPLATES}/{name}"] = left[name]
            todo.append(left.pop(name))
    return found


def verdict_files(package: Path) -> dict[str, str]:
    """The source files that a verdict depends on: they measure or judge a bundle."""
    found = stage_files(package, JUDGES)
    return {path: text for path, text in found.items() if not path.startswith(LOOKS)}


@cache
def verdict_digest() -> str:
    """Digest of the installed `verdict_files`."""
    return digest_files(verdict_files(PACKAGE))


def stage_digests() -> dict[str, str]:
    """Digest of the installed code of each stage."""
    return {stage: digest_files(stage_files(PACKAGE, [stage])) for stage in STAGES}


def digest_files(texts: source_code.Files) -> str:
    """Digest of file names and texts, as ``sha256:<hex>``."""
    return source_code.digest_texts(*(part for pair in sorted(texts.items()) for part in pair))
