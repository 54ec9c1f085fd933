"""The version that answers now, which follows the stage's tag."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from pathlib import Path

from assay.model.batch import score_frame
from assay.project.params import Params
from assay.registry import versions
from assay.registry.pin import is_number, pin_named
from assay.score.table import TableScorer

LOOK, AGAIN = 5.0, 60.0
"""Seconds between two looks at the tag, and before a version that cannot serve is tried again."""

_LOG = logging.getLogger(__name__)


class CurrentVersion:
    """The version that answers; whoever answers takes `scorer` once and works with that.

    Parameters
    ----------
    wanted
        A stage, which is followed, or a version, which is not; None for the project's stage.

    Raises
    ------
    AssayError
        There is none, or it cannot score. Later on that leaves what answers as it is.

    Attributes
    ----------
    scorer, since
        Of a version that has scored its own reference rows.
    behind
        Why the stage's version is not the one that answers; None if it is.
    """

    def __init__(self, root: Path, params: Params, wanted: str | None) -> None:
        self._root, self._params = root, params
        self._wanted = wanted or params.registry.stage
        self.behind: str | None = None
        self._failed: tuple[str, str] | None = None
        self._again = 0.0
        self._load()

    @property
    def identity(self) -> tuple[str, str]:
        """The version and the digest of its bundle."""
        return self.scorer.pinned.version.version, self.scorer.pinned.bundle.digest

    def look(self) -> None:
        """Take the version that holds the stage now, if it is another one and can score."""
        if is_number(self._wanted):
            return
        current = None
        try:
            known = versions.read_state(self._root, self._params.name)
            held = versions.select_champion(known, self._params.name, self._wanted)
            current = (held.version, held.bundle)
            if current != self.identity:
                if current == self._failed and time.monotonic() < self._again:
                    return
                self._load()
                _LOG.warning("serve: %s answers from now on", self.identity[0])
            self.behind = self._failed = None
        except Exception as error:
            self._failed, self._again = current, time.monotonic() + AGAIN
            if str(error) != self.behind:
                _LOG.warning("serve: %s still answers: %s", self.identity[0], error)
            self.behind = str(error)

    def _load(self) -> None:
        pinned = pin_named(self._root, self._params, self._wanted)
        if pinned.doubt:
            _LOG.warning("serve: %s", pinned.warning)
        score_frame(pinned.bundle, pinned.bundle.sample())
        self.scorer = TableScorer(self._params, pinned, "the request")
        self.since = datetime.now(UTC)
