from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.columns.features import Features, Floats
from assay.compiled.fitted_model import Model
from assay.contract.loader import load_contract
from assay.errors import (
    AssayError,
    BundleChanged,
    BundleMissing,
    BundleUntrusted,
    NightEmpty,
    RunError,
    StageInputMissing,
)
from assay.evaluation import parity
from assay.evaluation import rehearse as stage
from assay.evaluation.cost import Batch, measure_cost
from assay.model import bundle_files
from assay.project import digests, layout
from assay.project import params as parameters
from assay.reports.rehearsal import Rehearsal
from tests.evaluation.rehearsals import edit, write_champion


def rehearsed(root: Path, scratch: Path, spark: Any, **changes: Any) -> Rehearsal:
    given = parameters.load(root)
    settings = given.rehearse.model_copy(update={"rows": 400, "repeats": 1, "nights": 0, **changes})
    own = given.model_copy(update={"rehearse": settings})
    return stage.rehearse(root, own, scratch, lambda: spark)


def without_nights(root: Path) -> parameters.Params:
    given = parameters.load(root)
    return given.model_copy(update={"rehearse": given.rehearse.model_copy(update={"nights": 0})})


def test_all_carriers_publish_what_the_training_code_says(
    parcels: Path, tmp_path: Path, spark: Any
) -> None:
    found = rehearsed(parcels, tmp_path / "s", spark, carriers=("local", "files"))
    assert [(one.carrier, one.rows, one.differing) for one in found.parity] == [
        ("local", 400, 0),
        ("files", 400, 0),
    ]
    assert all(one.largest is not None and one.largest <= 1e-12 for one in found.parity)
    assert found.bundle == bundle_files.verified_digest(parcels / layout.BUNDLE)
    assert found.data == digests.data(parcels)
    assert found.contract == digests.worktree_contract(parcels, parameters.load(parcels))
    sizes = [path.stat().st_size for path in (parcels / layout.BUNDLE).iterdir()]
    assert found.bundle_mb == pytest.approx(sum(sizes) / 1e6)
    assert (found.cost.batch_rows, found.why) == (400, None)
    assert found.cost.latency_ms > 0
    assert found.cost.memory_mb is not None and 0 < found.cost.memory_mb < 2000


def test_a_training_code_that_scores_otherwise_is_seen(
    parcels: Path, tmp_path: Path, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Model.scores

    def skewed(self: Model, features: Features) -> Floats:
        scores = honest(self, features)
        scores[7] += 1e-6
        return scores

    monkeypatch.setattr(Model, "scores", skewed)
    found = rehearsed(parcels, tmp_path / "s", spark)
    (one,) = found.parity
    assert (one.differing, one.largest) == (1, pytest.approx(1e-6, rel=1e-3))


def test_rows_that_the_night_would_refuse_differ(parcels: Path, tmp_path: Path, spark: Any) -> None:
    path = parcels / layout.HOLDOUT_TABLE
    frame = pd.read_parquet(path)
    frame.loc[frame.index[:3], "weight"] = -1.0
    frame.to_parquet(path)
    (one,) = rehearsed(parcels, tmp_path / "s", spark, rows=len(frame)).parity
    assert one.differing == 3


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda root: (root / layout.HOLDOUT_TABLE).unlink(), StageInputMissing),
        (lambda root: (root / layout.HOLDOUT_TABLE).write_bytes(b"no"), StageInputMissing),
        (lambda root: (root / layout.BUNDLE / "manifest.json").unlink(), BundleMissing),
        (lambda root: (root / layout.BUNDLE / "card.md").write_text("better"), BundleChanged),
        (
            lambda root: pq.write_table(
                pq.read_table(root / layout.HOLDOUT_TABLE).slice(0, 0),
                root / layout.HOLDOUT_TABLE,
            ),
            NightEmpty,
        ),
    ],
    ids=["no holdout", "torn holdout", "no bundle", "changed bundle", "empty holdout"],
)
def test_what_is_not_there_is_an_error_before_spark(
    parcels: Path, tmp_path: Path, spoil: Callable[[Path], Any], error: type[AssayError]
) -> None:
    spoil(parcels)

    def spark() -> Any:
        raise AssertionError("Spark was asked for")

    with pytest.raises(error) as caught:
        stage.rehearse(parcels, without_nights(parcels), tmp_path, spark)
    assert "\n" not in caught.value.line()


def test_types_that_nobody_allowed_are_refused_though_the_compiled_model_needs_none(
    parcels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.model.model.untrusted_types", lambda data: ["evil.Estimator"])
    given = without_nights(parcels)
    with pytest.raises(BundleUntrusted, match=r"evil\.Estimator"):
        stage.rehearse(parcels, given, tmp_path, lambda: None)  # type: ignore[arg-type, return-value]


# ------------------------------------------------------------------------ choosing the rows


def contract_of(root: Path) -> Any:
    return load_contract(root / "data/contract.py").without_label()


def test_rows_are_spread_over_the_holdout_and_each_key_comes_once(trained: Path) -> None:
    contract = contract_of(trained)
    holdout = pq.read_table(trained / layout.HOLDOUT_TABLE)
    rows = parity.select_rows(pa.concat_tables([holdout, holdout]), contract, 100)
    keys = rows["parcel"].to_pylist()
    assert len(keys) == len(set(keys)) == 100
    all_keys = holdout["parcel"].to_pylist()
    assert (keys[0], keys[-1]) == (all_keys[0], all_keys[-1])
    places = np.array([all_keys.index(key) for key in keys])
    assert np.ptp(np.diff(places)) <= 1
    assert "late" not in rows.column_names
    whole = parity.select_rows(holdout, contract, 10**9)
    assert whole["parcel"].to_pylist() == all_keys


def test_a_cluster_is_not_asked_to_read_this_machine_s_scratch(trained: Path) -> None:
    given = parameters.load(trained)
    far = given.model_copy(
        update={"spark": given.spark.model_copy(update={"master": "spark://far:7077"})}
    )
    assert parity.local_params(far, Path("here")).spark.master == "local[2]"
    assert parity.local_params(given, Path("here")).spark.master == given.spark.master


# ------------------------------------------------------------------------------- the cost


def test_a_process_that_fails_says_why_in_a_line(parcels: Path) -> None:
    batch = Batch(
        bundle=parcels / layout.BUNDLE,
        digest="sha256:other",
        allow_types=(),
        contract=parcels / "data/contract.py",
        rows=parcels / layout.HOLDOUT_TABLE,
        batch_rows=10,
        repeats=1,
        sources=parcels,
        code=parcels,
    )
    with pytest.raises(RunError) as caught:
        measure_cost(parcels, batch)
    assert "another bundle" in caught.value.line()


# --------------------------------------------------------------------------- as users run it


def test_the_command_leaves_a_file_and_says_what_is_in_it(
    parcels: Path, call: Callable[..., str]
) -> None:
    write_champion(parcels, None)
    told = call(parcels, "assay", "stage", "nights")
    assert "2024-03-04" in told and "2024-03-05" in told
    told = call(parcels, "assay", "stage", "rehearse")
    assert "nobody was promoted" in told and "differing" in told
    found = Rehearsal.read(parcels)
    assert (found.parity[0].carrier, found.parity[0].differing) == ("local", 0)
    assert not list(parcels.glob("store*"))


def test_without_java_nothing_was_rehearsed(
    parcels: Path, call: Callable[..., str], tmp_path: Path
) -> None:
    script = (
        "import sys; from assay.score.spark import session; from assay.errors import *\n"
        "def no(_): raise JavaMissing('no Java here')\n"
        "session.java_home = no\n"
        "from assay.cli.__main__ import main; sys.exit(main(['stage', 'rehearse']))"
    )
    (tmp_path / "run.py").write_text(script)
    edit(parcels, "params.yaml", "nights: 2", "nights: 0")
    edit(parcels, "params.yaml", "carriers: [auto]", "carriers: [files]")
    told = call(parcels, sys.executable, str(tmp_path / "run.py"), code=50)
    assert "no Java here" in told and "Traceback" not in told
    assert not (parcels / layout.REHEARSAL).exists()
