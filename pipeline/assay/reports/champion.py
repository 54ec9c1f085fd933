"""What the champion stage found, as the JSON file that later stages read.

This module knows neither git nor DVC, so that a stage which only reads the file does not
depend on how versions are kept.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from assay.project import layout
from assay.project.document import Report, Text

State = Literal["none", "found", "unreadable"]


class StageHolder(Report):
    """Which version holds a stage, and whether its bundle could be had.

    Attributes
    ----------
    state
        ``none``: nothing holds the stage. ``found``: the bundle lies beside this file.
        ``unreadable``: something holds it, but its bundle cannot be trusted or cannot be had.
    version, commit, bundle
        Of the holder, as far as they are known.
    why
        Why there is no bundle; None if there is one.
    """

    SCHEMA: ClassVar = 1
    FILE: ClassVar = layout.CHAMPION_FACTS
    STAGE: ClassVar = "champion"
    WHAT: ClassVar = "a champion"

    schema_number: Literal[1] = Field(default=1, alias="schema")
    state: State
    stage: Text
    version: Text | None = None
    commit: Text | None = None
    bundle: Text | None = None
    why: Text | None = None

    @model_validator(mode="after")
    def _facts_that_go_with_the_state(self) -> Self:
        known = None not in (self.version, self.commit, self.bundle)
        if self.state == "found" and not known:
            raise ValueError(
                "state is 'found', but version, commit and bundle do not all stand there"
            )
        if self.state == "found" and self.why is not None:
            raise ValueError("state is 'found', but why stands there")
        if self.state != "found" and self.why is None:
            raise ValueError(f"state is '{self.state}', but why is missing")
        if self.state == "none" and self.version is not None:
            raise ValueError("state is 'none', but version stands there")
        return self
