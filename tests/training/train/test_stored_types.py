"""Types that skops must allow: as the line that allows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from assay.compiled.fitted_model import Model
from assay.errors import BundleUntrusted, PluginError
from assay.model import bundle
from assay.project import layout, params
from assay.training.train import stage


class Unread(LogisticRegression):
    def fit(self, rows: Any, label: Any) -> Unread:
        self.rest_ = (row for row in ())
        return super().fit(rows, label)


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        (make_pipeline(FunctionTransformer(lambda x: x), LogisticRegression()), "<lambda>"),
        (Unread(), "generator"),
    ],
)
def test_what_cannot_be_stored_is_refused(odd: Any, told: str) -> None:
    fitted = odd.fit(np.arange(8.0).reshape(-1, 1), np.arange(8) > 3)
    with pytest.raises(PluginError, match=rf"candidates\.mine: no bundle could.*found.*{told}"):
        stage.store_model("mine", Model(fitted, None, ("x",), (), "binary"), ())


def test_types_that_nobody_allowed_are_told_as_a_line_to_paste(parcels: Path) -> None:
    path = parcels / layout.PARAMS
    own = "    near: {class: sklearn.neighbors.KNeighborsClassifier}\n"
    text = path.read_text().replace("  candidates:\n", "  candidates:\n" + own)
    text = text.replace("allow_types: []", "allow_types: [a.A]")
    path.write_text(text)
    with pytest.raises(BundleUntrusted, match=r"near: .*KDTree") as caught:
        stage.run(parcels, params.load(parcels), "near")
    assert not (parcels / layout.CANDIDATES / "near").exists()
    allowed = caught.value.line().rpartition("bundle.allow_types: ")[2]
    assert allowed.startswith("[a.A, sklearn.")
    path.write_text(text.replace("allow_types: [a.A]", f"allow_types: {allowed}"))
    given = params.load(parcels)
    stage.run(parcels, given, "near")
    folder = parcels / layout.CANDIDATES / "near"
    assert bundle.load(folder, expected=None, allow_types=given.bundle.allow_types).model
