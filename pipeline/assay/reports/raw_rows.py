"""Where the rows that were judged come from: as the source gives them, or as somebody committed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field

from assay.project import layout
from assay.project.document import Count, Document, Text, write_json
from assay.project.params import yaml_text
from assay.project.text import counted

FILE = f"{layout.WORK}/rows.json"
"""What `assay gate rows` found, for the verdict on the same rows."""


class RawRows(Document):
    """What a comparison of data/raw with the source came to."""

    nights: Annotated[Count, Field(description="Those of data/raw.")]
    raw: Annotated[
        Text | None, Field(description="DVC's hash of data/raw in dvc.lock; null if it has none.")
    ]
    committed_by: Annotated[
        Text | None,
        Field(description="Whose word the rows are; null if they are those of the source."),
    ] = None
    why: Annotated[
        Text | None, Field(description="Why the source could not be read; null if it was.")
    ] = None

    @property
    def sentence(self) -> str:
        if self.committed_by is None:
            return f"Rows: as the source gives them, {counted(self.nights, 'night')}."
        return (
            f"Rows as committed by {self.committed_by}: the source could not be read ({self.why})."
        )

    @classmethod
    def read(cls, root: Path) -> Self | None:
        """What was found of the rows that are here; None if they were not compared."""
        try:
            rows = cls.model_validate_json((root / FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return rows if rows.raw == raw_hash(root) else None

    def write(self, root: Path) -> None:
        write_json(root / FILE, self.tree())


def raw_hash(root: Path) -> str | None:
    """The hash of data/raw in dvc.lock; None where there is none."""
    try:
        entries = lock_entries((root / layout.DVC_LOCK).read_text(encoding="utf-8"))
        outputs = [each for stage in entries.values() for each in stage.get("outs", ())]
        return next((str(each["md5"]) for each in outputs if each["path"] == layout.RAW), None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def lock_entries(text: str) -> Mapping[str, Any]:
    """The entries of a dvc.lock by stage; none if it is of another form."""
    try:
        tree = yaml_text.load(text)
    except yaml_text.YamlError:
        return {}
    stages = tree.get("stages") if isinstance(tree, Mapping) else None
    return stages if isinstance(stages, Mapping) else {}
