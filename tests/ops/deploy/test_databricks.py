"""The job against Databricks' own bundle models, which refuse unknown fields."""

from __future__ import annotations

from typing import Any

import pytest
from databricks.bundles.jobs import Job

from tests.ops.deploy.given import NASTY, documents, project, texts, with_spark


def job(given: Any = None) -> dict[str, Any]:
    (bundle,) = documents(texts(given or project(), "databricks")["databricks.yml"])
    assert bundle.keys() == {"bundle", "resources"}
    found: dict[str, Any] = bundle["resources"]["jobs"]["nightly"]
    return found


def test_databricks_knows_every_field() -> None:
    found = job(with_spark(project(), spark__x=NASTY))
    assert Job.from_dict(found).as_dict() == found


@pytest.mark.parametrize("place", ["job", "task", "cluster"])
def test_databricks_would_tell_an_unknown_field(place: str) -> None:
    wrong = job()
    (task,) = wrong["tasks"]
    {"job": wrong, "task": task, "cluster": task["new_cluster"]}[place]["max_retry"] = 1
    with pytest.raises(Exception, match="max_retry"):
        Job.from_dict(wrong)


def test_one_run_at_a_time_with_an_end_and_retries_of_failures_only() -> None:
    found = job()
    (task,) = found["tasks"]
    assert (found["max_concurrent_runs"], found["queue"]) == (1, {"enabled": False})
    assert (task["timeout_seconds"], task["max_retries"]) == (240 * 60, 2)
    assert found["schedule"]["quartz_cron_expression"] == "0 17 5 * * ?"
    # All that Databricks knows of an exit code is whether it is 0.
    assert "--answers-ok" in task["spark_python_task"]["parameters"]
    assert "--reports-at" in task["spark_python_task"]["parameters"]


def test_the_entry_point_lies_beside_the_bundle() -> None:
    (task,) = job()["tasks"]
    name = task["spark_python_task"]["python_file"]
    assert name.removeprefix("./") in texts(project(), "databricks")


def test_secrets_are_references() -> None:
    from assay.project.params import Alerts, Webhook

    given = project().model_copy(update={"alerts": Alerts(webhook=Webhook(url_env="HOOK"))})
    (task,) = job(given)["tasks"]
    assert task["new_cluster"]["spark_env_vars"] == {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": "{{secrets/late-flights/git-header}}",
        "HOOK": "{{secrets/late-flights/HOOK}}",
    }
