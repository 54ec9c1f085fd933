"""What a rehearsal says, as frozen values, and how they look in rehearsal.json.

Only the shape is checked when the file is read: whether a number may be believed is for the
rules to say, as a finding that a person can read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assay.project import jsonfile, layout
from assay.project.jsonfile import Node

SCHEMA = 1


@dataclass(frozen=True)
class Parity:
    """What one carrier published, held against the scores of the code that trained the model.

    Attributes
    ----------
    rows
        Rows that were handed to both.
    differing
        Rows with another score, another prediction or none.
    largest
        The largest difference of two scores, of a regression as a share of the score where
        that is above 1; None if no row has two.
    seconds
        What the carrier took, without the start of Spark.
    """

    carrier: str
    rows: int
    differing: int
    largest: float | None
    seconds: float


@dataclass(frozen=True)
class Cost:
    """What scoring a batch takes, in a process that does nothing else, on one core.

    Attributes
    ----------
    batch_rows
        Rows of the batch.
    latency_ms
        Milliseconds per 1,000 rows, the median of repeats, once everything is loaded.
    memory_mb
        By how many million bytes the process grew at most from before it loaded the bundle;
        None where the system does not tell.
    """

    batch_rows: int
    latency_ms: float
    memory_mb: float | None


@dataclass(frozen=True)
class Rehearsal:
    """All of rehearsal.json; digests are ``sha256:<hex>``.

    ``tolerance`` is how far two scores may be apart and still count as the same. ``why`` says
    why something could not be measured; None if everything was.
    """

    name: str
    bundle: str
    data: str
    contract: str
    rows: int
    tolerance: float
    parity: tuple[Parity, ...]
    cost: Cost
    bundle_mb: float
    spark_seconds: float
    why: str | None

    def plain(self) -> dict[str, Any]:
        """JSON values, in the order of the file."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "bundle": self.bundle,
            "data": self.data,
            "contract": self.contract,
            "rows": self.rows,
            "tolerance": self.tolerance,
            "parity": [asdict(one) for one in self.parity],
            **asdict(self.cost),
            "bundle_mb": self.bundle_mb,
            "spark": {"seconds": self.spark_seconds},
            "why": self.why,
        }


def read(root: Path) -> Rehearsal:
    """Read the project's rehearsal.json.

    Raises
    ------
    StageInputMissing
        Rehearse has not run.
    DataError
        The file is malformed; names the key.
    """
    return parse(jsonfile.text_of(root, layout.REHEARSAL, "rehearse"), layout.REHEARSAL)


def parse(text: str, where: str) -> Rehearsal:
    """The rehearsal in ``text``; ``where`` is what errors call the file.

    Raises
    ------
    DataError
        The text is no rehearsal; names the key.
    """
    return jsonfile.parse(text, where, "rehearse", "a rehearsal", _rehearsal)


def _rehearsal(node: Node) -> Rehearsal:
    node.schema(SCHEMA)
    parity = tuple(_parity(part) for part in node.nodes("parity"))
    if not parity:
        raise ValueError("parity is empty: no carrier was rehearsed")
    carriers = [one.carrier for one in parity]
    if len(set(carriers)) != len(carriers):
        raise ValueError(f"parity has a carrier more than once: {', '.join(carriers)}")
    found = Rehearsal(
        name=node.text("name"),
        bundle=node.text("bundle"),
        data=node.text("data"),
        contract=node.text("contract"),
        rows=node.count("rows"),
        tolerance=node.number("tolerance"),
        parity=parity,
        cost=Cost(
            batch_rows=node.count("batch_rows"),
            latency_ms=node.number("latency_ms"),
            memory_mb=node.maybe_number("memory_mb"),
        ),
        bundle_mb=node.number("bundle_mb"),
        spark_seconds=node.node("spark").number("seconds"),
        why=node.maybe_text("why"),
    )
    if found.cost.memory_mb is None and found.why is None:
        raise ValueError("why is missing: memory_mb is null for no reason")
    return found


def _parity(node: Node) -> Parity:
    found = Parity(
        carrier=node.text("carrier"),
        rows=node.count("rows"),
        differing=node.count("differing"),
        largest=node.maybe_number("largest"),
        seconds=node.number("seconds"),
    )
    if found.differing > found.rows:
        raise ValueError(f"{node.path('differing')} is {found.differing} of {found.rows} rows")
    return found
