"""What is tried of plans under faults: a plan is made, approved and applied."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from assay.errors import AssayError
from assay.project import layout, params
from assay.registry import git
from tests import projects
from tests.faults.deeds import (
    NIGHT,
    SECOND,
    Deed,
    again_without_locks,
    damaged_git,
    notes,
    publish,
    store_at,
    warm_dvc,
    whole_night,
)

WHO = "marketing"
BOTH = (NIGHT, SECOND)
LOG = re.compile(r"/_delta_log/(\d{20}\.(json|checkpoint.*\.parquet)|_last_checkpoint)$")


class MakePlan(Deed):
    """Two published nights, planned with the bundle at HEAD: files, a row for each, a page."""

    name, needs = "plan", "next"

    def warm(self, root: Path) -> None:
        """Fetch and load the bundle and the contract at HEAD."""
        from assay.plan.stage import pin_head
        from assay.registry.versions import read_state

        warm_dvc(root)
        given = params.load(root)
        pin_head(root, given, read_state(root, given.name), git.head(root))

    def prepare(self, root: Path) -> Callable[[], object]:
        from assay.plan import stage

        given = params.load(root)
        return lambda: stage.run(root, given, NIGHT, SECOND)

    def state(self, root: Path) -> str:
        wrong = _as_published(root) or "; ".join(_lost(root))
        if wrong:
            return wrong
        planned, page = _planned(root), root / layout.PLAN_PAGE
        if not planned or not page.is_file():  # the page is the last of what the command leaves
            return "before"
        from assay.plan.document import Plan

        digest = planned[0].plan
        return (
            "after"
            if Plan.read(root).plan == digest and digest[7:19] in page.read_text()
            else "before"
        )

    def goes_on(self, root: Path) -> str:
        self.prepare(root)()
        return "" if (found := self.state(root)) == "after" else f"then {found}"


class Approve(Deed):
    """A plan approved: one tag in git."""

    name, needs = "approve", "planned"

    def prepare(self, root: Path) -> Callable[[], object]:
        from assay.promotion import approvals

        given = params.load(root)
        return lambda: approvals.approve(root, given, WHO, "it is little")

    def state(self, root: Path) -> str:
        from assay.promotion import approvals

        if damaged := damaged_git(root):
            return damaged
        head, plan = git.head(root), _planned(root)[0].plan
        _, missing = approvals.answers(root, approvals.asked_at(root, head), plan, head)
        return "before" if missing else "after"

    def goes_on(self, root: Path) -> str:
        wrong = again_without_locks(root, self.prepare(root))
        return wrong or ("" if (found := self.state(root)) == "after" else f"then {found}")


class Apply(Deed):
    """Two planned and approved nights of the version that holds the stage, published."""

    name, needs = "apply", "approved"

    def prepare(self, root: Path) -> Callable[[], object]:
        from assay.plan import apply

        given = params.load(root)
        return lambda: apply.run(root, given, exact=True)

    def state(self, root: Path) -> str:
        store, planned = store_at(root), _planned(root)
        shown = {night: store.visible_run(night) for night in BOTH}
        if shown == _before(root):
            return _as_published(root) or "; ".join(_lost(root)) or "before"
        if shown != {each.partition: each.run.run_id for each in planned}:
            return f"half-published: {shown}"
        wrong = [*(whole_night(store, run, night) for night, run in shown.items()), *_lost(root)]
        return "; ".join(filter(None, wrong)) or "after"

    def goes_on(self, root: Path) -> str:
        from assay.plan import apply

        found = apply.run(root, params.load(root), exact=True)
        if {each.done for each in found.nights} > {"applied", "applied before"}:
            return f"then {found.nights}"
        last = {night: store_at(root).run_events(night)[-1] for night in BOTH}
        for night, event in last.items():
            agreed = f" as {WHO}, applied" in event.detail
            if event.event != "published" or not agreed:
                return f"the history of {night} ends with '{event.event}: {event.detail}'"
        if apply.is_pending(root, params.load(root)):
            return "it waits to be applied for ever"
        return "" if (seen := self.state(root)) == "after" else f"then {seen}"


def _before(root: Path) -> dict[str, str]:
    noted = notes(root)
    return {NIGHT: noted["run"], SECOND: noted["second"]}


def _as_published(root: Path) -> str:
    """What is wrong with the nights as they were published before; empty if nothing is."""
    store = store_at(root)
    wrong = [whole_night(store, run, night) for night, run in _before(root).items()]
    return "; ".join(filter(None, wrong))


def _planned(root: Path) -> Any:
    """The plan that was made last."""
    runs = store_at(root).planned_runs()
    return [each for each in runs if each.plan == runs[-1].plan]


def _lost(root: Path) -> Iterator[str]:
    """Files of the store that nobody needs and the cleanup does not find, and needed ones it would.

    A planned run's files are needed until it is applied or overtaken.
    """
    from assay.store.delta import log
    from assay.store.delta.location import SCRATCH
    from assay.store.delta.tables import TABLES
    from assay.store.plans import file_digests
    from assay.store.vacuum import find_unused_files

    store, later = store_at(root), datetime.now(UTC) + timedelta(days=2)
    planned, kept = store.planned_runs(), set[str]()
    for each in planned:
        staged = each.staged(store)
        for table, files in (
            ("predictions", staged.predictions),
            ("quarantine", staged.quarantine),
        ):
            kept |= {f"{table}/{file.path}" for file in files}
        try:
            if file_digests(store, staged) != each.files:
                yield f"planned files of {each.partition} are not as they were written"
        except AssayError as error:
            yield error.line()
    found = {
        f"{table}/{each.path}"
        for table in (*TABLES, SCRATCH)
        for each in find_unused_files(store, table, later)
    }
    for table in TABLES:
        opened = log.open_table(store.table_uri(table))
        if opened is not None:
            kept |= {f"{table}/{path}" for path in log.active_paths(opened)}
    place = Path(store.uri)
    every = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    lost = {path for path in every - found - kept if not LOG.search(path)}
    if lost:
        yield f"no cleanup finds {', '.join(sorted(lost))}"


def next_version(root: Path) -> None:
    """Publish two nights with the version, and put another bundle at HEAD that needs approval."""
    path = root / "params.yaml"
    before, mark, after = path.read_text(encoding="utf-8").partition("    logistic:\n")
    assert mark, "the candidate that was selected"
    _, _, rest = after.partition("\n")
    _, address = git.identity(root)
    asked = f"\napprovals:\n  - {{who: {WHO}, people: [{address}]}}\n"
    path.write_text(before + rest + asked, encoding="utf-8")
    projects.call(root, "dvc", "repro", "--quiet", "--single-item", "select")
    projects.call(root, "git", "commit", "--quiet", "--all", "--message", "Always say the same")
    publish(root, cached=True)


def plan(root: Path) -> None:
    MakePlan().prepare(root)()


def approve(root: Path) -> None:
    """Approve the plan, and give the stage to the bundle at HEAD, whatever the gate says of it."""
    from tests.plan.conftest import Planner

    Approve().prepare(root)()
    Planner(root).promote()
