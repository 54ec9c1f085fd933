"""A model of a library in C++ that ends the process that parses it ends no command."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier

from assay.compiled import fitted_model
from assay.errors import BundleChanged
from assay.model import bundle, load_trial
from assay.model import model as models
from assay.project import layout

COLUMNS = ["distance", "weight"]
TYPES = ["collections.OrderedDict", "lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier"]
GIVEN: dict[str, Any] = {
    "task": "binary",
    "numeric": COLUMNS,
    "categorical": [],
    "allow_types": TYPES,
}


@pytest.fixture(scope="module")
def sound() -> bytes:
    rows = pd.DataFrame(np.random.default_rng(0).random((200, 2)), columns=COLUMNS)
    fitted = LGBMClassifier(n_estimators=2, verbose=-1).fit(rows, rows["weight"] > 0.5)
    return models.dumps(fitted_model.Model(fitted, None, tuple(COLUMNS), ()))


@pytest.fixture(scope="module")
def crafted(sound: bytes) -> bytes:
    """A child far beyond the tree, for which LightGBM ends the process."""
    source, made = zipfile.ZipFile(io.BytesIO(sound)), io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        for name in source.namelist():
            text = source.read(name).replace(b"left_child=", b"left_child=2000000000 ")
            target.writestr(name, text)
    return made.getvalue()


def test_a_sound_model_is_loaded(sound: bytes) -> None:
    loaded = load_trial.loads(sound, **GIVEN)
    assert type(loaded.estimator).__name__ == "LGBMClassifier"


def test_a_crafted_one_is_refused_in_one_line(crafted: bytes) -> None:
    with pytest.raises(BundleChanged, match=r"model\.skops: .*ended the process.*SIG") as caught:
        load_trial.loads(crafted, **GIVEN)
    assert "\n" not in caught.value.line()


def test_evaluate_ends_as_with_any_refused_bundle(
    crafted: bytes, trained: Path, tmp_path: Path
) -> None:
    root = tmp_path / "parcels"
    shutil.copytree(trained, root)
    folder = root / layout.BUNDLE
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / fitted_model.FILE).write_bytes(crafted)
    manifest["files"][fitted_model.FILE] = hashlib.sha256(crafted).hexdigest()
    manifest["files"].pop(bundle.COMPILED, None)
    (folder / bundle.COMPILED).unlink(missing_ok=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    path = root / layout.PARAMS
    path.write_text(path.read_text().replace("allow_types: []", f"allow_types: {TYPES}"))
    tool = Path(sys.executable).with_name("assay")
    done = subprocess.run([tool, "stage", "evaluate"], cwd=root, capture_output=True, text=True)
    assert done.returncode == BundleChanged.exit_code, done.stderr
    assert "ended the process that tried it (found SIG" in done.stderr
