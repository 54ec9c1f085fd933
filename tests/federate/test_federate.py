"""Three sites learn together: the numbers are those of the rows of all, or nothing is written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from assay.errors import AssayError, ParamsError, PluginError, RoundRefused, UsageError
from assay.federate import command, exchange
from assay.model.bundle import load
from assay.project import layout
from assay.project import params as project_params
from assay.training.candidates.agreed import AgreedModel
from assay.training.train import stage

SITES = ("north", "south", "west")
ASSAY = str(Path(sys.executable).parent / "assay")


def _add(root: Path) -> None:
    path = root / layout.PARAMS
    text = path.read_text(encoding="utf-8")
    text = text.replace("  candidates:\n", "  candidates:\n    together: {federated: true}\n")
    path.write_text(f"{text}\nfederate:\n  sites: [{', '.join(SITES)}]\n", encoding="utf-8")


@pytest.fixture(scope="module")
def sites(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three projects, each with the parcels of one depot."""
    folder = tmp_path_factory.mktemp("sites")
    made = {}
    for site in SITES:
        root = made[site] = folder / site
        ignored = shutil.ignore_patterns(".git", ".dvc", "models", "reports", "store", ".assay")
        shutil.copytree(trained, root, ignore=ignored)
        for name in (layout.TRAIN_TABLE, layout.HOLDOUT_TABLE):
            frame = pd.read_parquet(trained / name)
            (root / name).unlink()
            frame[frame["depot"] == site].to_parquet(root / name)
        _add(root)
    return made


@pytest.fixture(scope="module")
def together(sites: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of three real processes that have learnt together."""
    shared = tmp_path_factory.mktemp("shared")
    running = {}
    for site, root in sites.items():
        typed = [
            "federate",
            "--root",
            root,
            "--site",
            site,
            "--folder",
            shared,
            "--session",
            "first",
        ]
        running[site] = subprocess.Popen(
            [ASSAY, *map(str, typed)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    for site, process in running.items():
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, (site, output)
        assert "3 sites" in output and "alone" in output
    return shared


def read(root: Path) -> AgreedModel:
    return AgreedModel.read(root)


def test_every_site_writes_the_same_model(together: Path, sites: dict[str, Path]) -> None:
    texts = {(root / AgreedModel.FILE).read_text() for root in sites.values()}
    assert len(texts) == 1
    made = read(sites["north"])
    assert made.rows == sum(
        len(pd.read_parquet(root / layout.TRAIN_TABLE)) for root in sites.values()
    )
    assert [*made.results] == [*SITES]
    assert all(each.alone and each.agreed for each in made.results.values())


def test_the_coefficients_are_those_of_all_rows(together: Path, trained: Path, sites: Any) -> None:
    made = read(sites["west"])
    frame = pd.read_parquet(trained / layout.TRAIN_TABLE)
    assert (made.numeric, made.categorical) == (("weight", "distance", "express"), ("depot",))
    steps = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    encoder = make_column_transformer(
        (steps, [*made.numeric]),
        (OneHotEncoder(categories=[[*SITES, None]], sparse_output=False), ["depot"]),
    )
    kinds = {**dict.fromkeys(made.numeric, float), "depot": object}
    columns = encoder.fit_transform(frame.astype(kinds))
    pooled = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    pooled.fit(columns, frame["late"].to_numpy(bool))
    assert np.abs(pooled.coef_[0] - made.coefficients).max() < 1e-8
    assert abs(pooled.intercept_[0] - made.intercept) < 1e-8


def test_no_message_has_a_number_of_one_site(together: Path, sites: dict[str, Path]) -> None:
    rows = str(len(pd.read_parquet(sites["north"] / layout.TRAIN_TABLE)))
    for file in together.rglob("north.json"):
        body = json.loads(file.read_text())["body"]
        assert body != rows and '"rows": ' + rows not in body
    steps = {path.name for path in (together / "first").iterdir()}
    assert {"hello", "categories", "means", "round-0", "model", "results"} <= steps


def test_it_is_a_candidate_like_any_other(
    together: Path, sites: dict[str, Path], parcels: Path
) -> None:
    _add(parcels)
    shutil.copy(sites["south"] / AgreedModel.FILE, parcels / AgreedModel.FILE)
    params = project_params.load(parcels)
    summary = stage.run(parcels, params, "together")
    bundle = load(parcels / layout.CANDIDATES / "together", expected=summary.digest, allow_types=())
    assert summary.manifest.compiled["used"] is True
    assert bundle.manifest.types == ()
    assert [each.name for each in bundle.reference.slices] == ["depot"]
    inner = bundle.model.estimator.steps[-1][1]
    assert inner.coef_[0].tolist() == list(read(parcels).coefficients)


def test_a_model_of_other_features_is_no_candidate(
    together: Path, sites: dict[str, Path], parcels: Path
) -> None:
    _add(parcels)
    other = read(sites["south"]).model_copy(update={"label": "lost"})
    other.write(parcels)
    with pytest.raises(PluginError, match="another label"):
        stage.run(parcels, project_params.load(parcels), "together")


# ----------------------------------------------------------------------------- sites that fail

Act = Callable[[], object]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "LOOK_EVERY", 0.01)


def take_part(
    sites: dict[str, Path],
    shared: Path,
    session: str,
    acts: dict[str, Act] | None = None,
    patience: float = 60.0,
) -> dict[str, BaseException | None]:
    """All sites in threads, ``acts`` in place of some; what each of them raised."""
    raised: dict[str, BaseException | None] = {}

    def run(site: str) -> None:
        def usual() -> object:
            params = project_params.load(sites[site])
            return command.run(sites[site], params, site, str(shared), session, patience)

        try:
            (acts or {}).get(site, usual)()
            raised[site] = None
        except BaseException as error:
            raised[site] = error

    threads = [threading.Thread(target=run, args=(site,)) for site in SITES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    return raised


@pytest.fixture
def copies(sites: dict[str, Path], tmp_path: Path) -> Iterator[dict[str, Path]]:
    made = {site: tmp_path / site for site in SITES}
    for site, root in sites.items():
        shutil.copytree(root, made[site])
        (made[site] / AgreedModel.FILE).unlink(missing_ok=True)
    yield made
    # Whatever failed, nothing was written anywhere.
    assert not any((root / AgreedModel.FILE).exists() for root in made.values())


def test_a_site_that_does_not_come_ends_it_for_all(copies: Any, tmp_path: Path) -> None:
    raised = take_part(copies, tmp_path / "shared", "s", {"west": lambda: None}, 1.0)
    for site in ("north", "south"):
        assert isinstance(raised[site], RoundRefused)
    assert any("west has sent nothing for 'hello'" in str(each) for each in raised.values())


def test_a_name_is_used_once(copies: Any, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    take_part(copies, shared, "s", {"west": lambda: None}, 1.0)
    again = take_part(copies, shared, "s", {"west": lambda: None}, 1.0)
    assert all("has taken part" in str(again[site]) for site in ("north", "south"))


def test_another_contract_is_refused_by_site(copies: Any, tmp_path: Path) -> None:
    file = copies["south"] / "data/contract.py"
    file.write_text(file.read_text().replace("le=50", "le=60"))
    raised = take_part(copies, tmp_path / "shared", "s")
    assert any("south has another contract" in str(raised[site]) for site in ("north", "west"))
    assert all(isinstance(each, RoundRefused) for each in raised.values())


@pytest.mark.parametrize("column", ["weight", "late"])
def test_a_site_whose_numbers_cannot_be_summed_says_so(
    copies: Any, tmp_path: Path, column: str
) -> None:
    path = copies["west"] / layout.TRAIN_TABLE
    frame = pd.read_parquet(path)
    if column == "weight":
        frame["weight"] = np.inf
    else:
        frame = frame.iloc[:0]
    frame.to_parquet(path)
    raised = take_part(copies, tmp_path / "shared", "s", patience=5.0)
    assert all(isinstance(each, AssayError) for each in raised.values()), raised


def test_a_site_that_changes_its_rows_or_lies_is_noticed(
    copies: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide = command.Masks.hide

    def lies(self: Any, step: str, numbers: Any) -> str:
        if self._me == "west" and step == "round-2":
            numbers = np.array([*numbers])
            numbers[0] += 1000
        return hide(self, step, numbers)

    monkeypatch.setattr(command.Masks, "hide", lies)
    raised = take_part(copies, tmp_path / "shared", "s")
    assert all("the sums of round 2 are not those of" in str(each) for each in raised.values())


@pytest.mark.parametrize(
    ("step", "body", "why"),
    [
        ("categories", "[" * 100_000, "west sent no JSON"),
        ("categories", '{"depot": [1]}', "west names categories of 'depot'"),
        ("categories", '{"depot": ["west", "moon"]}', "sent"),
        ("categories", '{"depot": ["East"]}', "would write another model"),
        ("model", '{"a": 1}', "west sent no list of numbers"),
        ("results", "[1]", "west sent no result"),
        (
            "results",
            '{"rows": 300, "metric": "auc", "alone": 0.5, "agreed": 0.5}',
            "would write another model",
        ),
    ],
)
def test_a_message_that_was_edited_leaves_no_model_anywhere(
    copies: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, body: str, why: str
) -> None:
    as_read = exchange.Exchange._body

    def edited(self: Any, at: str, site: str, text: str) -> str:
        return body if (at, site) == (step, "west") else as_read(self, at, site, text)

    monkeypatch.setattr(exchange.Exchange, "_body", edited)
    raised = take_part(copies, tmp_path / "shared", "s")
    assert all(isinstance(each, RoundRefused) for each in raised.values()), raised
    assert any(why in str(each) for each in raised.values()), raised


def test_a_site_of_no_list_and_too_few_sites(copies: Any) -> None:
    params = project_params.load(copies["north"])
    with pytest.raises(ParamsError, match="expected east among three or more"):
        command.run(copies["north"], params, "east", "nowhere", "s")
    with pytest.raises(UsageError, match="no name of a session"):
        command.run(copies["north"], params, "north", "nowhere", "../s")
    path = copies["north"] / layout.PARAMS
    path.write_text(path.read_text().replace("north, south, west", "north, south"))
    with pytest.raises(ParamsError, match=r"federate\.sites"):
        project_params.load(copies["north"])
