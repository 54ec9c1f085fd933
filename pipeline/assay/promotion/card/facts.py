"""What a card states: read once from a version's commit and bundle, for every form of the card."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from assay.errors import AssayError
from assay.metrics.estimate import Estimate
from assay.model import bundle_files
from assay.model.manifest import MANIFEST, Manifest, parse_manifest
from assay.project import layout
from assay.project import params as parameters
from assay.project.params import Params
from assay.project.params.card import CARD_FIELDS
from assay.registry import access, fetch, git, signatures
from assay.registry.versions import RegistryState, Version
from assay.reports.evaluation import (
    Evaluation,
    SliceResult,
    group_rates,
    shown_groups,
    sort_slices,
)
from assay.reports.verdict import Verdict
from assay.training.leakage.report import Leakage

T = TypeVar("T")
PINS = "requirements/run.txt"
"""The packages that a project is pinned to, with the hashes of their files."""


@dataclass(frozen=True)
class CardFacts:
    """Everything that a card states. A report that the commit does not hold is None.

    Attributes
    ----------
    params
        Of the version's commit.
    pins
        The text of its pinned packages; empty if it has none.
    earlier
        The versions before it, the newest first.
    signed
        Who signed a tag of it; None if nobody did whose key counts.
    """

    name: str
    version: Version
    params: Params
    manifest: Manifest
    verdict: Verdict | None
    evaluation: Evaluation | None
    leakage: Leakage | None
    pins: str
    earlier: tuple[Version, ...]
    signed: str | None

    @property
    def missing(self) -> list[str]:
        """Fields of ``card`` that nobody has stated."""
        return [name for name in CARD_FIELDS if getattr(self.params.card, name) is None]

    @property
    def metrics(self) -> Mapping[str, Estimate]:
        """Each metric of the whole holdout that has a value."""
        estimates = self.evaluation.metrics if self.evaluation else {}
        return {name: one for name, one in estimates.items() if one.value is not None}

    def slices(self) -> Iterator[tuple[str, str, Estimate]]:
        """Title, metric and value of each slice, the worst first; no group of people too small."""
        if self.evaluation is None:
            return
        for part in sort_slices(self.evaluation):
            metrics = part.metrics or {}
            estimate = metrics.get(self.evaluation.rank_by)
            if estimate is not None and estimate.value is not None and part in self._shown():
                yield part.title, self.evaluation.rank_by, estimate

    def groups(self) -> Iterator[tuple[str, str, Estimate]]:
        """Title, rate and value of each group of people that may be seen."""
        if self.evaluation is None:
            return
        for part in self._shown():
            if part.field in self.evaluation.sensitive:
                for name, one in group_rates(self.evaluation.task, part).items():
                    if one is not None and one.value is not None:
                        yield part.title, name, one

    def _shown(self) -> list[SliceResult]:
        assert self.evaluation is not None
        sensitive = self.evaluation.sensitive
        people = [part for part in self.evaluation.slices if part.field in sensitive]
        others = [part for part in self.evaluation.slices if part.field not in sensitive]
        return [*others, *shown_groups(people)[0]]

    def reasons(self) -> Mapping[str, Estimate]:
        """The mean absolute contribution of each feature, the strongest first."""
        reasons = self.evaluation.reasons if self.evaluation else None
        return {} if reasons is None or reasons.whole is None else reasons.whole.features

    def digests(self) -> dict[str, str]:
        """The digests of the tables and the contract: what -> ``sha256:…``."""
        by_name = {"contract": self.manifest.contract_digest}
        if self.leakage is not None:
            by_name["training table"] = self.leakage.data.train
            by_name["holdout"] = self.leakage.data.holdout
        elif self.verdict is not None:
            by_name["holdout"] = self.verdict.data
        return by_name


def read_facts(root: Path, params: Params, known: RegistryState, version: Version) -> CardFacts:
    """The facts of a version; its bundle is fetched if it is not here.

    Raises
    ------
    AssayError
        The bundle cannot be had.
    """
    folder = fetch.fetch_bundle(root, version, root / fetch.BUNDLES)
    files = bundle_files.read(folder)

    def at(path: str) -> str:
        return fetch.read_file_at(root, version.commit, path)

    def report(path: str, parse: Callable[[str, str], T]) -> T | None:
        try:
            return parse(at(path), path)
        except AssayError:
            return None

    pinned = PINS in git.committed_files(root, version.commit, PINS)
    older = [each for each in known.versions if each.version != version.version]
    return CardFacts(
        name=params.name,
        version=version,
        params=parameters.parse(at(layout.PARAMS), layout.PARAMS),
        manifest=parse_manifest(files[MANIFEST], str(folder)),
        verdict=report(layout.VERDICT, Verdict.parse),
        evaluation=report(layout.EVALUATION, Evaluation.parse),
        leakage=report(layout.LEAKAGE, Leakage.parse),
        pins=git.show(root, version.commit, PINS) if pinned else "",
        earlier=tuple(reversed([each for each in older if each.at <= version.at])),
        signed=_signed_by(root, known, version),
    )


def _signed_by(root: Path, known: RegistryState, version: Version) -> str | None:
    policy = access.read_policy(root)
    made = [each.tag for each in signatures.deciding(known, version, None) if each.tag]
    proofs = signatures.verify(root, policy, made)
    return next((proof.by for proof in proofs.values() if proof.by), None)
