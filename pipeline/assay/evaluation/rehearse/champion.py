"""Load the champion with its own contract from models/champion, to score real nights beside.

If that is impossible, the result is a state with the reason, and the challenger scores alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.contract.definition import Contract
from assay.contract.loader import load_kept_contract
from assay.errors.base import describe_error
from assay.evaluation.compare.champion import task_mismatch
from assay.model import bundle as bundles
from assay.model.bundle import Bundle
from assay.model.manifest import Manifest
from assay.project import extras, layout, source_code
from assay.project.params import ContractParams
from assay.reports.champion import StageHolder
from assay.reports.rehearsed_nights import ChampionState


@dataclass(frozen=True)
class NightModel:
    """A model with all that determines what it does to a night.

    Parameters
    ----------
    contract
        At scoring time: ``Contract.without_label()``.
    rules
        The contract's section of params.yaml.
    """

    bundle: Bundle
    contract: Contract
    rules: ContractParams


@dataclass(frozen=True)
class NightChampion:
    """The champion, or the state and the reason why there is none to score with.

    ``model`` is set if and only if ``state`` is ``scored``.
    """

    state: ChampionState
    why: str | None = None
    version: str | None = None
    digest: str | None = None
    model: NightModel | None = None


def load_champion(root: Path, challenger: Manifest, allow_types: tuple[str, ...]) -> NightChampion:
    """The champion, ready to score.

    Parameters
    ----------
    challenger
        The challenger's manifest; task, label and classes must be the same.
    allow_types
        Types that params.yaml allows in a model.

    Raises
    ------
    StageInputMissing
        The stage ``champion`` has not run.
    """
    holder = StageHolder.read(root)
    version, digest = holder.version, holder.bundle
    if holder.state != "found":
        state: ChampionState = "none" if holder.state == "none" else "unreadable"
        return NightChampion(state, holder.why, version, digest)
    assert version is not None, "a champion that was found has a version"
    try:
        loaded = bundles.load(
            root / layout.CHAMPION_BUNDLE,
            expected=digest,
            allow_types=allow_types,
            code=source_code.file_reader(root / layout.CHAMPION_CODE),
        )
        _, _ = loaded.scorer, loaded.reference  # workers must not be the first to see a damage
        unlike = task_mismatch(loaded.manifest, challenger)
        if unlike is not None:
            return NightChampion("incomparable", unlike, version, digest)
        contract, _, rules = load_kept_contract(
            root / layout.CHAMPION_CONTRACT, version, loaded.manifest.contract_digest
        )
    except Exception as error:  # imports the project's own code, which may raise anything
        extras.raise_if_missing(error)
        return NightChampion("unreadable", describe_error(error, root), version, digest)
    return NightChampion("scored", None, version, digest, NightModel(loaded, contract, rules))
