"""What the champion stage found, as the JSON file that later stages read.

This module knows neither git nor DVC, so that a stage which only reads the file does not
depend on how versions are kept.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

from assay.project import jsonfile, layout
from assay.project.jsonfile import Node

SCHEMA = 1
STAGE = "champion"

State = Literal["none", "found", "unreadable"]


@dataclass(frozen=True, kw_only=True)
class Held:
    """Which version holds a stage, and whether its bundle could be had.

    Parameters
    ----------
    state
        ``none``: nothing holds the stage. ``found``: the bundle lies beside this file.
        ``unreadable``: something holds it, but its bundle cannot be trusted or cannot be had.
    version, commit, bundle
        Of the holder, as far as they are known.
    why
        Why there is no bundle; None if there is one.
    """

    state: State
    stage: str
    version: str | None = None
    commit: str | None = None
    bundle: str | None = None
    why: str | None = None

    def to_plain(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **asdict(self)}


def read(root: Path) -> Held:
    """What the champion stage left.

    Raises
    ------
    StageInputMissing
        It has not run.
    DataError
        The file is not what it wrote.
    """
    text = jsonfile.text_of(root, layout.CHAMPION_FACTS, STAGE)
    return parse(text, layout.CHAMPION_FACTS)


def parse(text: str, where: str) -> Held:
    """The same, of a text; ``where`` is what errors call the file.

    Raises
    ------
    DataError
    """
    return jsonfile.parse(text, where, STAGE, "a champion", _build)


def _build(node: Node) -> Held:
    node.schema(SCHEMA)
    state = cast(State, node.one_of("state", "none", "found", "unreadable"))
    held = Held(
        state=state,
        stage=node.text("stage"),
        version=node.maybe_text("version"),
        commit=node.maybe_text("commit"),
        bundle=node.maybe_text("bundle"),
        why=node.maybe_text("why"),
    )
    if state == "found" and (None in (held.version, held.commit, held.bundle) or held.why):
        raise ValueError("state is 'found', but version, commit and bundle do not all stand there")
    if state != "found" and held.why is None:
        raise ValueError(f"state is '{state}', but why is missing")
    if state == "none" and held.version is not None:
        raise ValueError("state is 'none', but version stands there")
    return held
