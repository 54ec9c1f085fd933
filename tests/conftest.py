"""What every test may use, and what none may depend on."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from assay.project import params
from assay.score.spark.session import session
from tests import projects, remembered

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest_plugins = ("tests.openmp", "tests.skips", "tests.postgres")

ROOT = Path(__file__).resolve().parents[1]

# How long an example takes says more about what else the machine does than about the code.
# The suite draws the same examples each time, so a change is never red by chance; `make deep` draws
# others.
settings.register_profile("suite", deadline=None, max_examples=50, derandomize=True, database=None)
settings.register_profile(
    "deep",
    deadline=None,
    max_examples=1_000,
    derandomize=False,
    database=None,
    print_blob=True,
)
settings.load_profile("suite")
gc.set_threshold(100_000, 20, 20)  # as a command sets it


@pytest.fixture(scope="session", autouse=True)
def hygiene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No telemetry, no file parsed twice, and git alike whether or not its user set it up here."""
    with pytest.MonkeyPatch.context() as patch, remembered.files():
        patch.setenv("DVC_NO_ANALYTICS", "1")
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        config = tmp_path_factory.mktemp("git") / "config"
        config.write_text("[init]\n\tdefaultBranch = main\n", encoding="utf-8")
        patch.setenv("GIT_CONFIG_GLOBAL", str(config))
        for role in ("AUTHOR", "COMMITTER"):
            for fact, value in projects.PERSON.items():
                patch.setenv(f"GIT_{role}_{fact}", value)
        yield


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One Spark for the whole suite, started as `assay score` starts it, on two cores."""
    given = params.load(ROOT)
    small = {"spark.sql.shuffle.partitions": "2", "spark.driver.memory": "1g"}
    changed = given.spark.model_copy(update={"master": "local[2]", "conf": small})
    started = session(given.model_copy(update={"spark": changed}), tmp_path_factory.mktemp("spark"))
    yield started
    started.stop()


def train(root: Path) -> None:
    """The parcels project, run stage by stage as far as a selected bundle."""
    import assay.contract.stage
    import assay.training.tables.ingest
    import assay.training.tables.prepare
    import assay.training.train.select
    import assay.training.train.stage

    shutil.copytree(projects.PARCELS, root)
    values = params.load(root)
    for stage in (
        assay.training.tables.ingest,
        assay.contract.stage,
        assay.training.tables.prepare,
    ):
        stage.run(root, values)
    for name in values.train.candidates:
        assay.training.train.stage.run(root, values, name)
    assay.training.train.select.run(root, values)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parcels project, trained. Do not write to it."""
    return projects.made_once("trained", train, tmp_path_factory)


@pytest.fixture
def parcels(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained parcels project to do anything to."""
    shutil.copytree(trained, tmp_path / "parcels")
    return tmp_path / "parcels"


@pytest.fixture(scope="session")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parcels project under git and DVC, `dvc repro` run and its model promoted.

    Everything is done by the commands that its users type. Do not write to it.
    """
    return projects.made_once("promoted", projects.promoted, tmp_path_factory)


@pytest.fixture
def live(promoted: Path, tmp_path: Path) -> Path:
    """A copy of the promoted parcels project to do anything to."""
    shutil.copytree(promoted, tmp_path / "live", symlinks=True)
    return tmp_path / "live"


@pytest.fixture(scope="session", name="call")
def call_fixture() -> Callable[..., str]:
    return projects.call_here


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that requests waited before another attempt, in a test that does not wait."""
    found: list[float] = []
    monkeypatch.setattr("assay.project.http_request.sleep", found.append)
    return found
