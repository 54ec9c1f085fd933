"""``assay gate verdict``: verify the verdict in the work tree and return it.

Meant for CI workflows. A verdict that was edited or is out of date is refused.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from assay.errors import (
    AssayError,
    DataError,
    DataOutOfReach,
    GateNotPassed,
    PromotionRefused,
    StageInputMissing,
    VersionUnknown,
)
from assay.gate import (
    holdout_history,
    unchanged,
    verdict_page,
    verdict_text,
    verdict_verification,
)
from assay.gate.inputs import GateInputs, load_champion_verdict
from assay.gate.provenance import InputDigests
from assay.gate.unchanged import Unchanged
from assay.project import layout
from assay.project.ci_run import CiRun, read_environment
from assay.project.document import read_stage_file
from assay.project.params import Params
from assay.project.text import first_few
from assay.registry import git
from assay.reports.champion import StageHolder
from assay.reports.verdict import Outcome, Verdict

_LOG = logging.getLogger("assay")


@dataclass(frozen=True)
class GateAnswer:
    """What the gate says here, decided once for exit code, comment and summary.

    Attributes
    ----------
    unchanged
        The model is a promoted version's; then nothing else was looked at.
    verdict
        The verdict in the work tree; it counts only if ``problems`` is empty.
    problems
        Why there is no verdict on what is here.
    refusal
        The error that the check ends with; None if it is green.
    commands
        What a maintainer types where it cannot be judged, or its author where it differs.
    """

    unchanged: Unchanged | None = None
    verdict: Verdict | None = None
    problems: tuple[str, ...] = ()
    refusal: GateNotPassed | DataOutOfReach | None = None
    commands: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether the verdict passes, and is not the one that was committed."""
        passes = self.verdict is not None and self.verdict.outcome is Outcome.PASS
        return passes and not self.problems and self.refusal is not None

    @property
    def outcome(self) -> str | None:
        """In one word; None if there is no verdict on what is here."""
        if self.unchanged is not None:
            return "unchanged"
        if isinstance(self.refusal, DataOutOfReach):
            return "not judged"
        if self.differs:
            return "differs"
        return None if self.verdict is None or self.problems else str(self.verdict.outcome)


def run(root: Path, params: Params, *, committed: bool = False) -> Verdict | Unchanged:
    """The verdict in the work tree, verified against digests and reports.

    Parameters
    ----------
    committed
        It must also be about what the verdict in the checked-out commit is about. If the model of
        that commit is a promoted version's, that is the answer, and no verdict is looked at. In a
        run of CI, the gate's page then says what differs.

    Raises
    ------
    GateNotPassed
        The verdict is not PASS, is out of date, or does not follow from the reports; then the
        error carries it. Or it is missing or malformed.
    DataOutOfReach
        With ``committed``, in a run for a fork that may not read what the gate needs.
    """
    answer = decide(root, params, committed=committed)
    if answer.verdict is not None and answer.differs and read_environment() is not None:
        # Not on a laptop, where the page is what dvc.lock says, until its verdict is committed.
        inputs = GateInputs.of(root)
        verdict_page.write_page(root, answer.verdict, inputs, answer.refusal, answer.commands)
    if answer.refusal is not None:
        raise answer.refusal
    decided = answer.unchanged or answer.verdict
    assert decided is not None
    return decided


def decide(root: Path, params: Params, *, committed: bool) -> GateAnswer:
    """What `run` returns or raises, as a value.

    Raises
    ------
    AssayError
        The bundle or the holdout is missing.
    """
    if committed and (same := unchanged.find(root, params).unchanged) is not None:
        return GateAnswer(unchanged=same)
    if committed and (reach := find_access(root, params)).missing is not None:
        return GateAnswer(refusal=reach.error(), commands=reach.commands)
    try:
        verdict = read_verdict(root)
    except (DataError, StageInputMissing, PromotionRefused) as error:
        refusal = GateNotPassed(error.what, where=layout.VERDICT, fix=error.fix)
        return GateAnswer(problems=(error.line(),), refusal=refusal)
    if wrong := find_differences(root, params, verdict):
        refusal = GateNotPassed(
            "the verdict is not what the gate says of this project",
            where=layout.VERDICT,
            found=first_few(wrong, between="; "),
            fix="Ask the gate: dvc repro.",
        ).attach_report(verdict)
        return GateAnswer(verdict=verdict, problems=wrong, refusal=refusal)
    if verdict.outcome is not Outcome.PASS:
        refusal = verdict_text.refusal(verdict).attach_report(verdict)
        return GateAnswer(verdict=verdict, refusal=refusal)
    try:
        if committed and not require_same(root, verdict):
            _LOG.warning(
                "gate: no verdict is committed, so there was nothing to compare this one with. "
                "Commit what dvc repro writes: a version can only be promoted from that."
            )
    except GateNotPassed as error:
        again = JUDGE_AGAIN
        return GateAnswer(verdict=verdict, refusal=error, commands=again)
    return GateAnswer(verdict=verdict)


def read_verdict(root: Path) -> Verdict:
    """The verdict in the work tree, as it is written there.

    Raises
    ------
    DataError, StageInputMissing, PromotionRefused
        There is none, or it is malformed.
    """
    return Verdict.parse(read_stage_file(root, layout.VERDICT, "gate"), layout.VERDICT)


def find_differences(root: Path, params: Params, verdict: Verdict) -> tuple[str, ...]:
    """Why a verdict is not about what is in the work tree, or does not follow from the reports.

    Raises
    ------
    AssayError
        The bundle or the holdout is missing.
    """
    source, now = partial(read_stage_file, root), asdict(InputDigests.of(root, params))
    wrong = [
        f"it is about another {'set of reports' if name == 'reports' else name}"
        for name in now
        if getattr(verdict, name) != now[name]
    ]
    former = load_champion_verdict(root, verdict.champion.bundle)
    least = partial(holdout_history.least_place, root, verdict)
    wrong += verdict_verification.find_discrepancies(verdict, source, params, former, least)
    return tuple(wrong)


JUDGE_AGAIN = (
    "git fetch --tags origin",
    "git merge origin/main",
    "dvc repro",
    "dvc push",
    "git add --all",
    "git commit --message 'Judge again'",
    "git push",
)
"""What is typed on a branch whose committed verdict is not the gate's."""
_COMPARED = ("name", "outcome", "bundle", "data", "contract", "policy", "code")


def require_same(root: Path, here: Verdict) -> bool:
    """Refuse a verdict that is not about what the commit's verdict is about.

    Returns False if the commit has neither a verdict nor a dvc.lock: nothing can be promoted from
    it, so there is nothing to compare with.

    Raises
    ------
    GateNotPassed
        The commit holds no verdict, no valid one, or one about something else.
    """
    commit = git.head(root)
    text = _text(root, commit, layout.VERDICT)
    if text is None:
        if _text(root, commit, layout.DVC_LOCK) is None:
            return False
        raise GateNotPassed(
            "the commit holds no verdict, so that nothing could be promoted from it",
            where=layout.VERDICT,
            fix=f"On the branch: {' && '.join(JUDGE_AGAIN)}.",
        )
    try:
        committed = Verdict.parse(text, layout.VERDICT)
    except PromotionRefused as error:
        raise GateNotPassed(error.what, where=layout.VERDICT, fix=error.fix) from None
    wrong = differences(here, committed)
    if wrong:
        raise GateNotPassed(
            "this run of the gate does not say what was committed",
            where=layout.VERDICT,
            expected="; ".join(f"{name} {ours}" for name, ours, _ in wrong),
            found="; ".join(f"{name} {theirs}" for name, _, theirs in wrong),
            fix=f"On the branch: {' && '.join(JUDGE_AGAIN)}; or commit dvc.lock and reports/ of "
            "this run, which are kept with it.",
        ).attach_report(here)
    return True


def differences(here: Verdict, committed: Verdict) -> list[tuple[str, str, str]]:
    """What differs: a name, this run's value and the committed one, short enough to read."""
    pairs = [(name, getattr(here, name), getattr(committed, name)) for name in _COMPARED]
    # The champion's own bundle is not promoted again, whatever it was compared with.
    if here.bundle != here.champion.bundle:
        pairs.append(("champion", here.champion.bundle, committed.champion.bundle))
    return [(name, _short(ours), _short(theirs)) for name, ours, theirs in pairs if ours != theirs]


def _short(value: object) -> str:
    return str(getattr(value, "value", value))[:19] if value is not None else "nothing"


def _text(root: Path, commit: str, path: str) -> str | None:
    try:
        return git.show(root, commit, path)
    except VersionUnknown:
        return None


@dataclass(frozen=True)
class Access:
    """Whether rows and champion are here; if not, what is missing and what a maintainer types."""

    SCHEMA: ClassVar[int] = 1

    missing: str | None = None
    commands: tuple[str, ...] = ()

    def error(self) -> DataOutOfReach:
        return DataOutOfReach(
            "not judged: no access to the data",
            found=self.missing,
            fix=f"A maintainer reads what it changes, and then judges it: "
            f"{' && '.join(self.commands)}.",
        )


def find_access(root: Path, params: Params) -> Access:
    """What a fork's run could not read of rows and champion, once the stages for them were run.

    Outside of such a run nothing counts as missing: there it is an error that its stage names.

    Raises
    ------
    CodeHostFailed
        The environment of the CI run makes no sense.
    """
    run = read_environment()
    if run is None or not run.from_fork:
        return Access()
    if not (root / layout.RAW).is_dir():
        return Access("the rows of the source", _commands(run))
    try:
        held = StageHolder.read(root)
    except AssayError:
        return Access("the champion", _commands(run))
    if held.state == "unreadable":
        return Access(f"the champion's bundle ({held.version or held.stage})", _commands(run))
    return Access()


def _commands(run: CiRun) -> tuple[str, ...]:
    """Judge the very commit in a run of the repository's own, whose check counts for it too."""
    branch = f"assay/fork-{run.pull_request}"
    if run.kind == "gitlab":
        return (
            f"git fetch origin merge-requests/{run.pull_request}/head:{branch}",
            f"git push origin {branch}",
            f"glab ci run --branch {branch}",
        )
    return (
        f"gh pr checkout {run.pull_request}",
        f"git push origin HEAD:refs/heads/{branch}",
        f"gh workflow run gate.yml --ref {branch}",
    )
