"""The folder of an Evidently workspace: its layout, and checks for damage."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

PROJECT, DASHBOARD, SNAPSHOTS = "metadata.json", "dashboard.json", "snapshots"
"""Evidently's names for the parts of a project, in a folder named by the project's id."""

SHAPES: Mapping[str, frozenset[str]] = {
    f"*/{PROJECT}": frozenset({"id", "name"}),
    f"*/{DASHBOARD}": frozenset({"tabs", "panels"}),
    f"*/{SNAPSHOTS}/*.json": frozenset(
        {"timestamp", "metric_results", "top_level_metrics", "widgets", "tests_widgets"}
    ),
}
"""Keys that Evidently needs in such a file to be able to start."""


def project_of(name: str) -> UUID:
    """The id of the project that shows the nights of the model ``name``."""
    return uuid5(NAMESPACE_URL, f"assay:{name}")


def find_damage(workspace: Path) -> str | None:
    """Why Evidently could not serve a workspace; None if it can, or if there is none."""
    if not workspace.exists():
        return None
    if not workspace.is_dir():
        return "it is no folder"
    for pattern, keys in SHAPES.items():
        for path in sorted(workspace.glob(pattern)):
            try:
                tree = json.loads(path.read_text(encoding="utf-8"))
            except FileNotFoundError:
                continue  # another process is updating the workspace
            except ValueError:
                return f"{path.relative_to(workspace)} is no JSON"
            if not isinstance(tree, dict) or not keys <= set(tree):
                return f"{path.relative_to(workspace)} is not what Evidently writes"
    return None


def set_aside(workspace: Path) -> Path:
    """Rename a folder, adding the time to its name."""
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    return workspace.rename(workspace.with_name(f"{workspace.name}-damaged-{stamp}"))


def write(workspace: Path, name: str, text: str) -> None:
    """Write a file into the workspace atomically.

    It is created outside and moved in. An Evidently server that watches the folder then sees a new
    file, and no rename.

    Parameters
    ----------
    name
        Its path in the workspace.
    """
    target = workspace / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.parent, prefix=".evidently-") as scratch:
        made = Path(scratch) / target.name
        made.write_text(text, encoding="utf-8")
        made.replace(target)
