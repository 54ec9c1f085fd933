"""The requests against botocore's models of the services, and EMR Serverless as moto has it."""

from __future__ import annotations

import json
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ParamValidationError
from botocore.validate import validate_parameters
from moto import mock_aws

from tests.ops.deploy.given import NASTY, project, texts, with_spark

KNOWN = {
    "application.json": ("emr-serverless", "CreateApplication"),
    "job.json": ("emr-serverless", "StartJobRun"),
    "schedule.json": ("scheduler", "CreateSchedule"),
}


def requests(given: Any = None) -> dict[str, dict[str, Any]]:
    found = texts(given or project(), "emr-serverless")
    return {name: json.loads(found[name]) for name in KNOWN}


def shape_of(name: str) -> Any:
    service, operation = KNOWN[name]
    model = botocore.session.get_session().get_service_model(service)
    return model.operation_model(operation).input_shape


def complete(request: dict[str, Any]) -> dict[str, Any]:
    """With the idempotency token that the command line and the libraries add by themselves."""
    return {"clientToken": "x" * 36, **request}


def check(name: str, request: dict[str, Any]) -> None:
    whole = request if name == "schedule.json" else complete(request)
    validate_parameters(whole, shape_of(name))


@pytest.mark.parametrize("name", KNOWN)
def test_amazon_s_models_know_every_field(name: str) -> None:
    check(name, requests(with_spark(project(), spark__x=NASTY))[name])


@pytest.mark.parametrize("name", KNOWN)
def test_an_unknown_field_would_be_told(name: str) -> None:
    with pytest.raises(ParamValidationError, match="Unknown parameter"):
        check(name, {**requests()[name], "retries": 1})


def camel(value: Any, shape: Any) -> Any:
    """The scheduler's PascalCase members as the service's model has them."""
    if shape.type_name == "structure":
        named = {name[0].lower() + name[1:]: each for name, each in value.items()}
        return {name: camel(each, shape.members[name]) for name, each in named.items()}
    if shape.type_name == "list":
        return [camel(each, shape.member) for each in value]
    return value


def test_the_schedule_starts_the_same_job() -> None:
    found = requests(with_spark(project(), spark__x=NASTY))
    started = json.loads(found["schedule.json"]["Target"]["Input"])
    assert all(name[0].isupper() for name in started)
    again = camel(started, shape_of("job.json"))
    # Each start has a token of its own: a start that is sent twice is one job.
    assert again.pop("clientToken") == "<aws.scheduler.execution-id>"
    assert again == found["job.json"]
    assert found["schedule.json"]["ScheduleExpression"] == "cron(17 5 * * ? *)"


def test_one_job_at_a_time_with_an_end_and_retries_of_failures_only() -> None:
    found = requests()
    assert found["application.json"]["schedulerConfiguration"]["maxConcurrentRuns"] == 1
    job = found["job.json"]
    assert (job["executionTimeoutMinutes"], job["retryPolicy"]) == (240, {"maxAttempts": 3})
    assert "--answers-ok" in job["jobDriver"]["sparkSubmit"]["entryPointArguments"]


def test_spark_s_settings_arrive_as_they_are() -> None:
    job = requests(with_spark(project(), spark__x=NASTY))["job.json"]
    (given,) = job["configurationOverrides"]["applicationConfiguration"]
    assert given == {"classification": "spark-defaults", "properties": {"spark.x": NASTY}}


def test_the_application_is_made_and_the_job_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    found = requests()
    with mock_aws():
        client = boto3.client("emr-serverless", region_name="us-east-1")
        # moto knows no release that has Spark 4.
        asked = {**found["application.json"], "releaseLabel": "emr-7.0.0"}
        made = client.create_application(**complete(asked))
        job = {**found["job.json"], "applicationId": made["applicationId"]}
        started = client.start_job_run(**complete(job))
        runs = client.list_job_runs(applicationId=made["applicationId"])["jobRuns"]
        assert [run["id"] for run in runs] == [started["jobRunId"]]
