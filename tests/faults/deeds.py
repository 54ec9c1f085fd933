"""What is tried under faults: a deed that writes, and what readers may find after it.

A deed is done in a process of its own, and looked at in another one: delta-rs and Arrow keep
threads, which a fork does not take along.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from assay.errors import AssayError, PromotionRefused, RunHeld
from assay.project import layout, params

NIGHT, SECOND = "2024-03-02", "2024-03-03"
ROWS = {NIGHT: (47, 3), SECOND: (50, 0)}
"""Rows of each night that are scored, and refused."""


class Deed(ABC):
    """One command's work on a copy of a project.

    Attributes
    ----------
    name
        The command.
    needs
        The state of the project that it starts from: see `Bench`.
    """

    name: str
    needs: str

    def warm(self, root: Path) -> None:  # noqa: B027 - most have nothing to do
        """Do once what every trial would do alike before the writing. No delta-rs: see above."""

    @abstractmethod
    def prepare(self, root: Path) -> Callable[[], object]:
        """All that comes before the writing; what is given back does that, and may fail."""

    @abstractmethod
    def state(self, root: Path) -> str:
        """``before``, ``after``, or what is wrong with what readers see."""

    @abstractmethod
    def goes_on(self, root: Path) -> str:
        """Do it again without faults; empty if it ends as it should, else what is wrong."""

    @staticmethod
    def admits(line: str) -> bool:
        """Whether an error says that what it is about is visible all the same."""
        return any(words in line for words in ("is published", "are published", "was written"))


class Score(Deed):
    """A night that is published already, scored again: the files, the journal, the commit."""

    name, needs = "score", "published"

    def warm(self, root: Path) -> None:
        """Load the bundle, and score the night into files that nobody looks at."""
        from assay.score import local, run
        from assay.score.inputs import formats as inputs
        from assay.score.local import no_progress

        given, pinned = params.load(root), _pinned(root)
        night = inputs.find_night(root, given, pinned.contract, NIGHT)
        nothing: Any = None
        scoring = run.Scoring(given, root, pinned, store_at(root), nothing)
        job = run.make_job(scoring, night, run.new_run("warm", NIGHT, 0, pinned))
        next(local.run_files(night.files, job, 1, no_progress))

    def prepare(self, root: Path) -> Callable[[], object]:
        from assay.score import together
        from assay.store import open_store

        given, pinned = params.load(root), _pinned(root)
        store = open_store(root, given)
        nothing: Any = None
        return lambda: together.score_night(given, root, pinned, store, lambda: nothing, NIGHT)

    def state(self, root: Path) -> str:
        store = store_at(root)
        shown = store.visible_run(NIGHT)
        wrong = whole_night(store, shown)
        return wrong or ("before" if shown == notes(root)["run"] else "after")

    def goes_on(self, root: Path) -> str:
        shown = store_at(root).visible_run(NIGHT)
        self.prepare(root)()
        store = store_at(root)
        now = store.visible_run(NIGHT)
        return "the next run is not visible" if now == shown else whole_night(store, now)


class ScoreTogether(Score):
    """Two nights that are published already, scored again and published in one commit."""

    name = "score two nights"

    def prepare(self, root: Path) -> Callable[[], object]:
        from contextlib import nullcontext

        from assay.score.local import no_progress
        from assay.score.run import Scoring
        from assay.score.together import score_together

        given, pinned, nothing = params.load(root), _pinned(root), lambda: None
        nights = (NIGHT, SECOND)
        scoring = Scoring(given, root, pinned, store_at(root), nothing)
        return lambda: score_together(scoring, nights, [], lambda _: nullcontext(no_progress))

    def state(self, root: Path) -> str:
        store, noted = store_at(root), notes(root)
        shown = {night: store.visible_run(night) for night in (NIGHT, SECOND)}
        wrong = [whole_night(store, run, night) for night, run in shown.items()]
        if any(wrong):
            return "; ".join(filter(None, wrong))
        if shown[SECOND] == noted["second"]:
            return "before"  # the first may be new, if it was whole when the second failed
        return "the second night alone is new" if shown[NIGHT] == noted["run"] else "after"


class Release(Deed):
    """A held run, published by a person."""

    name, needs = "release", "held"

    def prepare(self, root: Path) -> Callable[[], object]:
        from assay.score.operations.store_commands import release

        run = notes(root)["held"]
        return lambda: release(root, params.load(root), run, "it is right")

    def state(self, root: Path) -> str:
        store, noted = store_at(root), notes(root)
        shown = store.visible_run(NIGHT)
        if shown not in (noted["run"], noted["held"]):
            return f"readers see {shown}"
        return whole_night(store, shown) or ("before" if shown == noted["run"] else "after")

    def goes_on(self, root: Path) -> str:
        self.prepare(root)()
        return "" if (found := self.state(root)) == "after" else f"then {found}"


class Labels(Deed):
    """Truths taken, and a night measured."""

    name, needs = "labels", "published"

    def prepare(self, root: Path) -> Callable[[], object]:
        from assay.performance import labels

        given, file = params.load(root), root / "truths.csv"
        return lambda: labels.run(root, given, NIGHT, NIGHT, file)

    def state(self, root: Path) -> str:
        store, truths = store_at(root), notes(root)["truths"]
        wrong = whole_night(store, notes(root)["run"]) or _whole_files(root)
        known = len(store.labels(NIGHT)) if store.labelled_partitions() else 0
        if wrong or known not in (0, truths):
            return wrong or f"{known} of {truths} truths"
        # The last of what the command leaves is the document that says how the night did.
        done = known and store.performance(NIGHT).num_rows
        return "after" if done and [*(root / layout.PERFORMANCE).glob("*.json")] else "before"

    def goes_on(self, root: Path) -> str:
        self.prepare(root)()
        return "" if (found := self.state(root)) == "after" else f"then {found}"


class Promote(Deed):
    """The first version, and the stage that it gets: two tags in git."""

    name, needs = "promote", "promotable"

    def warm(self, root: Path) -> None:
        warm_dvc(root)

    def prepare(self, root: Path) -> Callable[[], object]:
        from assay.promotion.promote import promote

        given = params.load(root)
        return lambda: promote(root, given, because="it is good")

    def state(self, root: Path) -> str:
        from assay.errors import NoChampion
        from assay.registry.versions import read_champion

        given = params.load(root)
        if damaged := damaged_git(root):
            return damaged
        try:
            holder = read_champion(root, given.name, given.registry.stage).version
        except NoChampion:
            holder = ""
        return {self.first: "before", self.then: "after"}.get(holder, f"{holder} holds the stage")

    first, then = "", "v0.1.0"

    def goes_on(self, root: Path) -> str:
        if self.state(root) == "after":
            return ""
        wrong = again_without_locks(root, self.prepare(root))
        return wrong or ("" if (found := self.state(root)) == "after" else f"then {found}")


class Rollback(Promote):
    """The stage given back to the version before: one tag in git."""

    name, needs = "rollback", "two versions"
    first, then = "v0.2.0", "v0.1.0"

    def prepare(self, root: Path) -> Callable[[], object]:
        from assay.promotion.promote import rollback

        given = params.load(root)
        return lambda: rollback(root, given, because="it erred")


def publish(root: Path, held: bool = False, cached: bool = False) -> None:
    """Score both nights here, and note what became of them; ``held`` scores the first twice.

    Of DVC's cache nothing is left, unless it is to stay ``cached``.
    """
    import pyarrow.compute as pc
    import pyarrow.csv as pcsv
    import pyarrow.parquet as pq

    ScoreTogether().prepare(root)()
    noted: dict[str, Any] = {
        "run": store_at(root).visible_run(NIGHT),
        "second": store_at(root).visible_run(SECOND),
    }
    if held:
        path = root / "params.yaml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("max_share: 0.2", "max_share: 0.0"), encoding="utf-8")
        try:
            Score().prepare(root)()
        except RunHeld:
            noted["held"] = store_at(root).runs(NIGHT)[-1].run_id
    raw = pq.read_table(
        root / layout.RAW / f"day={NIGHT}" / "part-00000.parquet", partitioning=None
    )
    truths = raw.select(["parcel", "late"]).filter(pc.is_valid(raw["late"]))
    pcsv.write_csv(truths, root / "truths.csv")
    noted["truths"] = truths.num_rows
    (root / "noted.json").write_text(json.dumps(noted), encoding="utf-8")
    # Each trial copies the project: what no trial reads is left out.
    cache = [] if cached else [root / ".dvc" / "cache"]
    for path in (*(root / layout.RAW).iterdir(), root / "models", *cache):
        if path.name not in (f"day={NIGHT}", f"day={SECOND}"):
            shutil.rmtree(path)


def warm_dvc(root: Path) -> None:
    """Parse dvc.yaml and dvc.lock once: DVC does it nine times, for half of the time."""
    import dvc.utils.strictyaml as dvc_yaml

    parsed: dict[str, Any] = {}
    parse = dvc_yaml.parse_yaml

    def remembered(text: str, path: str, typ: Any = "safe") -> Any:
        if typ != "safe":
            return parse(text, path, typ=typ)
        if text not in parsed:
            parsed[text] = parse(text, path)
        return deepcopy(parsed[text])

    dvc_yaml.parse_yaml = remembered
    for name in (layout.DVC_LOCK, "dvc.yaml"):
        remembered((root / name).read_text(encoding="utf-8"), name)


def damaged_git(root: Path) -> str:
    """What `git fsck` finds wrong; empty if nothing is."""
    checked = subprocess.run(
        ["git", "fsck", "--strict", "--no-dangling"], cwd=root, capture_output=True, text=True
    )
    return f"git fsck: {checked.stderr.strip()}" if checked.returncode else ""


def again_without_locks(root: Path, act: Callable[[], object]) -> str:
    """Do it; if that fails for locks of git, delete them as the error says, and do it again.

    Empty if it ends well, else the error.
    """
    try:
        act()
    except PromotionRefused as error:
        locks = sorted((root / ".git").rglob("*.lock"))
        if not locks or not all(str(lock) in error.line() for lock in locks):
            return error.line()
        for lock in locks:
            lock.unlink()
        act()
    return ""


@lru_cache
def _pinned(root: Path) -> Any:
    from assay.registry.pin import pin
    from assay.registry.versions import read_champion

    given = params.load(root)
    return pin(root, given, read_champion(root, given.name, given.registry.stage))


def notes(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "noted.json").read_text(encoding="utf-8"))
    return found


def store_at(root: Path) -> Any:
    from assay.store import open_store

    return open_store(root, params.load(root))


def whole_night(store: Any, shown: str | None, night: str = NIGHT) -> str:
    """What is wrong with a night in the eyes of its readers, empty if nothing is."""
    try:
        rows, refused = store.predictions(night), store.quarantine(night)
        counted = store.profile(shown, night)["probability"].rows
        store.runs(), store.performance(), store.published_run(night)
    except AssayError as error:
        return error.line()
    many, few = ROWS[night]
    found = {
        "rows": rows.num_rows == many and len(set(rows["parcel"].to_pylist())) == many,
        "runs": set(rows["run_id"].to_pylist()) == {shown},
        "refused": refused.num_rows == few and {shown} >= set(refused["run_id"].to_pylist()),
        "profile": counted == many,
    }
    return "; ".join(f"the night's {name} are wrong" for name, right in found.items() if not right)


def _whole_files(root: Path) -> str:
    for path in (root / layout.PERFORMANCE).glob("*.json"):
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            return f"{path.name} is half-written"
    return ""
