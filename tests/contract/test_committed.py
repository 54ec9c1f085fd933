"""The contract of a version: what is kept of it, and that it is the one of its training."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.contract.committed import contract_files, load_kept_contract
from assay.errors import AssayError
from assay.project import digests, source_code
from assay.project import params as parameters
from tests.projects import PARCELS

CONTRACT = "data/contract.py"


def files(**changes: str | None) -> dict[str, str]:
    """A project's files, by names with _ for / and without their endings."""
    names = {"params": "params.yaml", "data_contract": CONTRACT, "data_limits": "data/limits.py"}
    found = {name: (PARCELS / name).read_text() for name in ("params.yaml", CONTRACT)}
    found |= {names[key]: text for key, text in changes.items() if text is not None}
    return {
        path: text
        for path, text in found.items()
        if path not in {names[key] for key, text in changes.items() if text is None}
    }


def kept(folder: Path, found: dict[str, str]) -> Path:
    for path, text in found.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder


def test_what_the_contract_imports_is_kept_and_nothing_else() -> None:
    importing = "from data.limits import HEAVY\n" + files()[CONTRACT].replace("le=50", "le=HEAVY")
    given = files(data_contract=importing, data_limits="HEAVY = 50\n") | {"data/other.py": "x = 1"}
    assert contract_files(given.get, "v1") == {
        "params.yaml": given["params.yaml"],
        CONTRACT: importing,
        "data/limits.py": "HEAVY = 50\n",
    }


def test_the_contract_that_was_trained_under_is_loaded(tmp_path: Path) -> None:
    importing = "from data.limits import HEAVY\n" + files()[CONTRACT].replace("le=50", "le=HEAVY")
    given = files(data_contract=importing, data_limits="HEAVY = 50\n")
    kept(tmp_path, contract_files(given.get, "v1"))
    now = digests.worktree_contract(tmp_path, parameters.load(tmp_path))
    contract, digest, rules = load_kept_contract(tmp_path, "v1", now)
    assert (digest, rules.file, contract.has_label) == (now, CONTRACT, False)
    (tmp_path / "data/limits.py").write_text("HEAVY = 60\n")
    with pytest.raises(AssayError, match="not the one the model was trained under"):
        load_kept_contract(tmp_path, "v1", now)


@pytest.mark.parametrize(
    ("given", "left", "told"),
    [
        (files(params=None), set(), "params.yaml at v1: was not in git"),
        (files(params="name: [\n"), {"params.yaml"}, "params.yaml at v1:2: not valid YAML"),
        (files(data_contract=None), {"params.yaml"}, "data/contract.py at v1: was not in git"),
    ],
)
def test_what_is_missing_is_left_out_and_told_when_it_is_needed(
    tmp_path: Path, given: dict[str, str], left: set[str], told: str
) -> None:
    found = contract_files(given.get, "v1")
    assert set(found) == left
    with pytest.raises(AssayError) as caught:
        load_kept_contract(kept(tmp_path, found), "v1", "sha256:0")
    assert told in caught.value.line()
    assert source_code.file_reader(tmp_path)("data/contract.py") is None
