"""Simulates the registry after a promotion, before any tag is written. Pure.

A tag is never withdrawn, and manually made tags may contradict it: they may name another bundle for
the same version, or another version for the same commit.
"""

from __future__ import annotations

from dataclasses import replace

from assay.errors import PromotionRefused
from assay.registry.state import UNKNOWN, RegistryState, Version, fold
from assay.registry.tags import Action, TagEvent


def preview_refusal(known: RegistryState, version: Version, stage: str) -> PromotionRefused | None:
    """Why the version would not hold the stage after promotion; None if it would.

    Parameters
    ----------
    version
        With the bundle that its new tags would name; it need not be registered yet.
    """
    then = fold([*known.events, *_new(known, version, stage)])
    found = then.find(version.version)
    artifact = version.name.replace(":", "=")
    fix = (
        f"Look for one that was made by hand: git tag --list -n9 '{artifact}[@#]*'; delete it "
        "(git tag -d NAME), or promote another commit."
    )
    if found is not None and found.bundle == UNKNOWN:
        named = [digest[:19] for digest in then.bundle_digests(found)]
        return PromotionRefused(
            f"the tags of {version.version} contradict each other, and one more would not fix it",
            expected="one digest in their lines 'Bundle: sha256:…'",
            found=", ".join(named),
            fix=fix,
        )
    holder = then.holders.get(stage)
    if holder != version.version:
        return PromotionRefused(
            f"{version.version} would not hold the stage {stage}, whatever is written",
            expected="no other tag in its way",
            found=f"{holder or 'nothing'} would hold it",
            fix=fix,
        )
    return None


def _new(known: RegistryState, version: Version, stage: str) -> list[TagEvent]:
    """The tags to be written, as events."""
    given = TagEvent(
        artifact=version.name,
        action="assign",
        version=None,
        stage=stage,
        counter=1 + max((each.counter for each in known.events), default=0),
        commit=version.commit,
        time=known.latest + 1,
        at="",
        by="",
        subject="",
        trailers={"Bundle": version.bundle},
    )
    if known.find(version.version) is not None:
        return [given]
    action: Action = "register"
    return [replace(given, action=action, version=version.version, stage=None), given]
