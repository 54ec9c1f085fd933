"""``assay check --bucket``: whether what must outlive this machine lies in a bucket."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from assay.errors import AssayError, BundleMissing, StoreError
from assay.project import layout
from assay.project.params import Params
from assay.registry.hosted.transfer import ADD
from assay.registry.remotes.dvc_remote import read_remotes


class NotInBucket(StoreError):
    """Both lines at once."""

    def __init__(self, reasons: list[AssayError]) -> None:
        self.reasons = list(reasons)
        super().__init__("; ".join(each.line() for each in reasons))

    def lines(self) -> list[str]:
        return [each.line() for each in self.reasons]


@dataclass(frozen=True)
class Buckets:
    """Where the store and the DVC remote lie."""

    store: str
    remote: str


def check(root: Path, params: Params) -> Buckets:
    """Where they lie, if that is outside this machine. Nothing is asked of the network.

    Raises
    ------
    NotInBucket
        The store or the DVC remote is a folder, or there is no remote.
    """
    found = read_remotes(root)
    remote = found.urls.get(found.default or "")
    reasons: list[AssayError] = []
    if not elsewhere(params.store):
        reasons.append(
            StoreError(
                "it is a folder of this machine, and a runner is thrown away with all nights in it",
                where=f"{layout.PARAMS}: store",
                expected="an address such as s3://BUCKET/store",
                found=params.store,
                fix="docs/github.md says how to make a bucket and let the workflow into it.",
            )
        )
    if remote is None or not elsewhere(remote):
        reasons.append(
            BundleMissing(
                "the promoted bundle cannot be had on another machine",
                where=".dvc/config",
                expected="a default DVC remote outside of this machine",
                found=remote or "no default remote",
                fix=f"Add one: {ADD}.",
            )
        )
    if len(reasons) == 1:
        raise reasons[0]
    if reasons:
        raise NotInBucket(reasons)
    assert remote is not None
    return Buckets(params.store, remote)


def elsewhere(address: str) -> bool:
    """Whether an address leads to another machine: it has a scheme, and that is not ``file``."""
    parts = urlsplit(address)
    return "://" in address and parts.scheme not in {"file", ""} and bool(parts.netloc)
