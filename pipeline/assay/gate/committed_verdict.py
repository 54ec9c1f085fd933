"""Is this run's verdict the one that was committed? Asked by CI, of its own run of the gate."""

from __future__ import annotations

from pathlib import Path

from assay.errors import GateNotPassed, PromotionRefused, VersionUnknown
from assay.project import layout
from assay.registry import git
from assay.reports.verdict import Verdict

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
