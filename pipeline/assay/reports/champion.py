"""The report of the stage ``champion``: champion.json.

This module imports neither git nor DVC code, so stages that only read the file do not depend on
the registry.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from assay.project import layout
from assay.project.document import Report, Text

State = Literal["none", "found", "unreadable"]


class StageHolder(Report):
    """The version that holds a registry stage, and whether its bundle could be fetched.

    Attributes
    ----------
    state
        ``none``: no version holds the stage. ``found``: the bundle is in the folder of this file.
        ``unreadable``: a version holds the stage, but its bundle is missing or fails verification.
    version, commit, bundle
        Of that version, as far as they are known.
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
