"""The exact packages that this version of Assay was tested with, as the lists of a project.

The wheel carries the lists that Assay itself is developed with: each package by its version and the
hashes of its files. A project gets them as they are, so no network is needed to write them.
"""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files

FOLDER = "requirements"
RUN, ASSAY, OWN = f"{FOLDER}/run.txt", f"{FOLDER}/assay.txt", f"{FOLDER}/own.txt"
LISTS = ("build", "run", "s3", "gs", "azure", "ssh")
"""What builds packages that are published as source only; Assay's; those of DVC's remotes."""


def pinned_lists() -> dict[str, str]:
    """The text of each list, by its path in a project; Assay itself has one of its own."""
    source = files("assay.init") / FOLDER
    texts = {
        f"{FOLDER}/{name}.txt": (source / f"{name}.txt").read_text(encoding="utf-8")
        for name in LISTS
    }
    return {**texts, ASSAY: f"assay=={version('assay')}\n"}


def pins(text: str) -> list[str]:
    """The lines of a list that name a package, without its hashes and comments."""
    return [line.rstrip(" \\") for line in text.splitlines() if line[:1].strip() not in ("", "#")]


def own_packages(text: str) -> list[str]:
    """The lines that a person added to requirements/run.txt while it held Assay and no hashes."""
    if "--hash=" in text:
        return []
    return [line for line in pins(text) if line != "--find-links ." and line[:6] != "assay["]
