"""A run whose files are written but not yet visible, with all that publishing it takes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from assay.columns.profile import Profile
from assay.errors import StoreError
from assay.store.delta.files import StagedFile, part_path

NEEDED = ("run_id", "name", "version", "bundle", "contract", "input")


@dataclass(frozen=True, kw_only=True)
class StagedRun:
    """Files that no commit refers to yet, and the metadata for the commit.

    Attributes
    ----------
    facts
        Commit metadata that identifies the run even if its events are lost: ``run_id``, ``name``,
        ``version``, ``bundle``, ``contract`` and ``input``.
    predictions
        At least one file: if every row was quarantined, one file with no rows.
    profile
        None if it is in the store already, or there is none.
    predictions_schema, quarantine_schema
        Of the tables; the partition column may be missing.
    base
        The turn of the partition when the run started: `Store.turn`.
    """

    run_id: str
    partition: str
    facts: Mapping[str, str]
    predictions: tuple[StagedFile, ...]
    quarantine: tuple[StagedFile, ...]
    profile: Profile | None
    predictions_schema: pa.Schema
    quarantine_schema: pa.Schema
    base: int

    def __post_init__(self) -> None:
        part_path("column", self.partition, self.run_id, "0")  # rejects ids that name no file
        if not self.predictions:
            raise ValueError("a run publishes at least one file of predictions")
        missing = [name for name in NEEDED if name not in self.facts]
        if missing:
            raise ValueError(f"the facts of run {self.run_id} lack {', '.join(missing)}")
        if self.facts["run_id"] != self.run_id:
            raise ValueError(f"the facts of run {self.run_id} are those of {self.facts['run_id']}")


def to_json(staged: StagedRun) -> str:
    """The staged run without its profile, as one line of JSON."""
    tree = {
        "run_id": staged.run_id,
        "partition": staged.partition,
        "facts": dict(staged.facts),
        "base": staged.base,
        "predictions_schema": _packed(staged.predictions_schema),
        "quarantine_schema": _packed(staged.quarantine_schema),
        "predictions": [asdict(file) for file in staged.predictions],
        "quarantine": [asdict(file) for file in staged.quarantine],
    }
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False)


def from_json(text: str, where: str) -> StagedRun:
    """Read what `to_json` wrote.

    Parameters
    ----------
    where
        Where the text was found, for the error message.

    Raises
    ------
    StoreError
        If it is anything else.
    """
    try:
        tree = json.loads(text)
        return StagedRun(
            run_id=tree["run_id"],
            partition=tree["partition"],
            facts=tree["facts"],
            predictions=tuple(StagedFile(**file) for file in tree["predictions"]),
            quarantine=tuple(StagedFile(**file) for file in tree["quarantine"]),
            profile=None,
            predictions_schema=_unpacked(tree["predictions_schema"]),
            quarantine_schema=_unpacked(tree["quarantine_schema"]),
            base=int(tree["base"]),
        )
    except (KeyError, TypeError, ValueError, OSError, pa.ArrowException) as error:
        found = f"{type(error).__name__}: {error}"
        raise StoreError(
            "what is known of the held run is not what was written", where=where, found=found
        ) from None


def _packed(schema: pa.Schema) -> str:
    return base64.b64encode(schema.serialize()).decode()


def _unpacked(text: Any) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))
