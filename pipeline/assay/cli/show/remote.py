"""Transfers from and to the DVC remote, and where things lie that outlive a machine."""

from __future__ import annotations

from collections.abc import Iterator

from assay.gate.proposal import Proposal
from assay.registry.hosted.bucket import Buckets
from assay.registry.hosted.dvc_remote import ADD, Transfer


def transfer_lines(moved: Transfer) -> Iterator[str]:
    """How many files were moved, or that there is no remote, what follows, and how to add one."""
    if moved.remote is None:
        yield (
            "remote: DVC has no default remote, so nothing was "
            f"{moved.done}. What was trained elsewhere is trained again here, and no bundle can be "
            f"compared with that of a promoted version. To add one: {ADD}."
        )
    elif moved.files:
        yield f"remote: {moved.files} files {moved.done} ({moved.remote})"
    else:
        yield f"remote: nothing to be {moved.done} ({moved.remote})"


def proposal_lines(found: Proposal) -> Iterator[str]:
    if found.number is None:
        yield "propose: nothing changed, so there is nothing to propose"
        return
    yield (
        f"propose: pull request #{found.number} from {found.branch}, verdict "
        f"{found.outcome or 'none'}"
    )


def bucket_lines(found: Buckets) -> Iterator[str]:
    yield f"check: the store is {found.store}, the DVC remote {found.remote}"
