"""A model class of the project's own: whose text runs, and what a changed one is answered."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import assay.evaluation.evaluate
import assay.training.train.stage
from assay.contract.loader import load_contract
from assay.errors import BundleChanged, BundleIncompatible
from assay.model import bundle, holdout
from assay.model.batch import score_frame
from assay.model.manifest import CODE, MANIFEST
from assay.project import digests, layout, params, source_code
from assay.registry.fetch import version_code_reader
from assay.registry.versions import Version

MODELS = """\
from sklearn.linear_model import LogisticRegression

from data.steps import SIGN


class Steady(LogisticRegression):
    def predict_proba(self, rows):
        from data.late import ORDER

        return super().predict_proba(rows)[:, ::ORDER][:, ::SIGN]
"""
NAMED = {"data/models.py", "data/steps.py", "data/late.py"}


@pytest.fixture(scope="module")
def trained_own(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parcels project with a class of its own as the selected candidate."""
    root = tmp_path_factory.mktemp("own") / "parcels"
    shutil.copytree(trained, root)
    (root / "data/models.py").write_text(MODELS)
    (root / "data/steps.py").write_text("SIGN = 1\n")
    (root / "data/late.py").write_text("ORDER = 1\n")
    path = root / layout.PARAMS
    text = path.read_text().replace("allow_types: []", "allow_types: [data.models.Steady]")
    own = "    own:\n      class: data.models.Steady\n"
    path.write_text(text.replace("  candidates:\n", "  candidates:\n" + own))
    assay.training.train.stage.run(root, params.load(root), "own")
    shutil.rmtree(root / layout.BUNDLE)
    shutil.copytree(root / layout.CANDIDATES / "own", root / layout.BUNDLE)
    return root


@pytest.fixture
def own(trained_own: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained_own, tmp_path / "own")
    return tmp_path / "own"


def scored(root: Path, code: source_code.Reader | None) -> pd.Series[Any]:
    allowed = params.load(root).bundle.allow_types
    loaded = bundle.load(root / layout.BUNDLE, expected=None, allow_types=allowed, code=code)
    return pd.Series(score_frame(loaded, holdout.read(root)))


def test_the_manifest_names_each_file_that_the_model_needs(own: Path) -> None:
    manifest = json.loads((own / layout.BUNDLE / MANIFEST).read_text())
    assert set(manifest["code"]) == NAMED
    assert not manifest["compiled"]["used"]


def test_evaluate_works_by_the_command_line(own: Path, call: Callable[..., str]) -> None:
    told = call(own, "assay", "stage", "evaluate", "--json")
    assert json.loads(told[told.index("{") :])["candidate"] == "own"


@pytest.mark.parametrize("path", sorted(NAMED))
def test_a_flip_that_nobody_committed_does_not_score(
    own: Path, call: Callable[..., str], path: str
) -> None:
    before = scored(own, source_code.file_reader(own))
    call(own, "git", "init", "--quiet")
    call(own, "git", "add", "data/*.py")
    call(own, "git", "commit", "--quiet", "--message", "one")
    commit = call(own, "git", "rev-parse", "HEAD").strip()
    flipped = (own / path).read_text().replace("= 1", "= -1").replace("[:, ::SIGN]", "[:, ::-1]")
    (own / path).write_text(flipped)

    version = Version("parcels", "v0.1.0", commit, "sha256:x", "sha256:y", "Ada", "2024", "")
    assert scored(own, version_code_reader(own, version)).equals(before)
    with pytest.raises(BundleChanged, match=rf"{path}, which .* needs: the project's own code"):
        scored(own, source_code.file_reader(own))
    with pytest.raises(BundleChanged):
        assay.evaluation.evaluate.run(own, params.load(own))


def test_what_a_worker_gets_brings_the_code_and_a_folder_never_does(own: Path) -> None:
    allowed = params.load(own).bundle.allow_types
    given = {"expected": None, "allow_types": allowed}
    loaded = bundle.load(own / layout.BUNDLE, **given, code=source_code.file_reader(own))
    assert {name for name in loaded.scoring_files if name.startswith(CODE)} == {
        CODE + path for path in NAMED
    }
    shutil.move(own / "data", own / "gone")
    there = bundle.from_files(loaded.scoring_files, "job", **given, whole=False)
    frame = pd.read_parquet(own / "gone/prepared/holdout.parquet")
    assert (score_frame(there, frame) == score_frame(loaded, frame)).all()
    changed = {**loaded.scoring_files, CODE + "data/steps.py": b"SIGN = -1\n"}
    with pytest.raises(BundleChanged, match=r"code/data/steps\.py"):
        bundle.from_files(changed, "job", **given, whole=False)
    shutil.copytree(own / "gone", own / layout.BUNDLE / "code/data")
    with pytest.raises(BundleChanged, match="a file that the manifest does not list"):
        bundle.load(own / layout.BUNDLE, **given)


def test_a_module_that_only_the_path_has_is_no_answer(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = own / layout.BUNDLE / MANIFEST
    tree = json.loads(path.read_text())
    tree["code"] = {}
    path.write_text(json.dumps(tree))
    monkeypatch.syspath_prepend(own)
    with pytest.raises(BundleIncompatible, match=r"no package provides .*data\.models\.Steady"):
        scored(own, source_code.file_reader(own))


def test_another_major_version_of_a_package_that_the_model_needs_is_refused(own: Path) -> None:
    path = own / layout.BUNDLE / MANIFEST
    tree = json.loads(path.read_text())
    for name, found in (("pyarrow", "1.2.3"), ("lightgbm-that-nobody-has", "4.0")):
        path.write_text(json.dumps({**tree, "versions": {**tree["versions"], name: found}}))
        with pytest.raises(BundleIncompatible, match=f"needs {name}, .*expected {found}"):
            scored(own, source_code.file_reader(own))


def test_the_verdict_s_digests_are_of_the_project_s_own_code_too(own: Path) -> None:
    values = params.load(own)
    code, contract = digests.code(own, values), digests.worktree_contract(own, values)
    (own / "data/steps.py").write_text("SIGN = -1\n")
    assert digests.code(own, values) != code
    assert digests.worktree_contract(own, values) == contract
    file = own / values.contract.file
    file.write_text("from data.depots import DEPOTS\n" + file.read_text())
    (own / "data/depots.py").write_text("DEPOTS = ['north', 'south', 'west']\n")
    with_one = digests.worktree_contract(own, values)
    (own / "data/depots.py").write_text("DEPOTS = ['north']\n")
    assert len({contract, with_one, digests.worktree_contract(own, values)}) == 3


def test_a_contract_imports_from_the_texts_it_travels_with(own: Path) -> None:
    import pickle

    file = own / "data/contract.py"
    text = file.read_text().replace('["north", "south", "west"]', "DEPOTS")
    file.write_text("from data.depots import DEPOTS\n" + text)
    (own / "data/depots.py").write_text("DEPOTS = ['north', 'south', 'west']\n")
    contract = load_contract(file, root=own)
    (own / "data/depots.py").unlink()
    again = pickle.loads(pickle.dumps(contract))
    assert again == contract
    assert dict(again.code) == {"data/depots.py": "DEPOTS = ['north', 'south', 'west']\n"}
