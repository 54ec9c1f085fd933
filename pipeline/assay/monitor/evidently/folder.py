"""The folder that is an Evidently workspace: what lies where in it, and whether it is sound."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

PROJECT, DASHBOARD, SNAPSHOTS = "metadata.json", "dashboard.json", "snapshots"
"""What Evidently calls the parts of a project, in a folder that is called by its id."""

SHAPES: Mapping[str, frozenset[str]] = {
    f"*/{PROJECT}": frozenset({"id", "name"}),
    f"*/{DASHBOARD}": frozenset({"tabs", "panels"}),
    f"*/{SNAPSHOTS}/*.json": frozenset(
        {"timestamp", "metric_results", "top_level_metrics", "widgets", "tests_widgets"}
    ),
}
"""Keys without which Evidently could not read such a file, nor start."""


def project_of(name: str) -> UUID:
    """The id of the project that shows the nights of the model ``name``."""
    return uuid5(NAMESPACE_URL, f"assay:{name}")


def damaged(workspace: Path) -> str | None:
    """Why Evidently could not serve a workspace; None if it can, or if there is none.

    Raises
    ------
    OSError
        A file is there and cannot be read.
    """
    if not workspace.exists():
        return None
    if not workspace.is_dir():
        return "it is no folder"
    for pattern, keys in SHAPES.items():
        for path in sorted(workspace.glob(pattern)):
            try:
                tree = json.loads(path.read_text(encoding="utf-8"))
            except FileNotFoundError:
                continue  # somebody else brings it up to date right now
            except ValueError:
                return f"{path.relative_to(workspace)} is no JSON"
            if not isinstance(tree, dict) or not keys <= set(tree):
                return f"{path.relative_to(workspace)} is not what Evidently writes"
    return None


def set_aside(workspace: Path) -> Path:
    """Give a folder a name with the instant in it, beside where it was."""
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    return workspace.rename(workspace.with_name(f"{workspace.name}-damaged-{stamp}"))


def write(workspace: Path, name: str, text: str) -> None:
    """Leave a file in the workspace, whole or not at all.

    It is made outside and moved in: Evidently, which may be serving the folder, sees a new file
    and not one that was called otherwise before.

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
