"""What every test may use, and what none may depend on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline import params
from pipeline.score.spark_session import session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).resolve().parents[1]
PERSON = {"NAME": "Assay Test", "EMAIL": "test@assay.invalid"}


@pytest.fixture(scope="session", autouse=True)
def hygiene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No telemetry, and git works alike whether or not this machine's user has set it up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_NO_ANALYTICS", "1")
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        config = tmp_path_factory.mktemp("git") / "config"
        config.write_text("[init]\n\tdefaultBranch = main\n", encoding="utf-8")
        patch.setenv("GIT_CONFIG_GLOBAL", str(config))
        for role in ("AUTHOR", "COMMITTER"):
            for fact, value in PERSON.items():
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
