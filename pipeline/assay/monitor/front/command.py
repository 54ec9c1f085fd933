"""``assay front``: write the front page."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import AssayError
from assay.monitor.front import page
from assay.monitor.front.page import Front, gather
from assay.monitor.incidents.collect import AllNights, all_nights
from assay.monitor.nights import facts as night_facts
from assay.monitor.nights.facts import KnownNights
from assay.project import layout
from assay.project.document import write_text
from assay.project.extras import missing_extra
from assay.project.params import Params
from assay.store import open_store

NIGHTS = 90
log = logging.getLogger(__name__)


def run(root: Path, params: Params, last: int = NIGHTS) -> Front:
    """Write the front page.

    Parameters
    ----------
    last
        How many nights to show.
    """
    facts = night_facts.load(root, open_store(root, params), ())
    every = all_nights(facts)
    return write_page(root, params, every, facts, last)


def write_page(
    root: Path, params: Params, every: AllNights, facts: KnownNights, last: int = NIGHTS
) -> Front:
    """Write the front page from given facts."""
    front = gather(root, params, every, facts, last)
    write_text(root / layout.FRONT, page.render(front))
    return front


def try_run(root: Path, params: Params) -> None:
    """As `run`, after a command whose result it must not change.

    A failure is only logged.
    """
    with failure_logged(layout.FRONT, "is", "assay front"):
        run(root, params)


@contextmanager
def failure_logged(what: str, verb: str, fix: str) -> Iterator[None]:
    """Only log an error: the command itself has succeeded, so none may escape."""
    try:
        yield
    except Exception as error:
        known = error if isinstance(error, AssayError) else missing_extra(error)
        why = known.line() if known else " ".join(str(error).split())
        log.warning(
            "%s %s not up to date: %s. Once that is fixed: %s",
            *(what, verb, why or type(error).__name__, fix),
        )
