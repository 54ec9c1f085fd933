"""The stack against AWS' own validator, and its request against botocore's model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from cloudformation_validate import CompositeEngine
from moto import mock_aws
from ruamel.yaml import YAML

from assay.errors import ParamsError
from assay.project.params import Params
from scripts import schedules
from tests.ops.deploy.given import NASTY, project, texts, with_spark


@pytest.fixture(scope="module")
def engine() -> Iterator[CompositeEngine]:
    """Compiles its rules once."""
    yield CompositeEngine()


def amazon(**schedule: Any) -> Params:
    return schedules.of_target(project(**schedule), "emr-serverless")


def stack(given: Params | None = None) -> str:
    return texts(given or amazon(), "emr-serverless")["stack.yaml"]


def problems(engine: CompositeEngine, text: str, folder: Path) -> list[str]:
    path = folder / "stack.yaml"
    path.write_text(text)
    found = engine.validate_template(str(path)).diagnostics
    return [f"{each.rule_id} {each.message}" for each in found if each.severity.name != "INFO"]


def resources(text: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    for tag in ("!Sub", "!GetAtt", "!Ref"):
        yaml.constructor.add_constructor(tag, lambda loader, node: node.value)
    return {name: each["Properties"] for name, each in yaml.load(text)["Resources"].items()}


def request(given: Params | None = None) -> Any:
    """The request that the schedule sends, its own variables filled in."""
    text = resources(stack(given))["Nightly"]["Target"]["Input"]
    role = "arn:aws:iam::123456789012:role/night"
    text = text.replace("${Application}", "00f").replace("${Night.Arn}", role)
    return json.loads(text.replace("${!", "${"))


def test_cloudformation_knows_every_property(engine: CompositeEngine, tmp_path: Path) -> None:
    assert problems(engine, stack(), tmp_path) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("ReleaseLabel:", "Release:"),
        ("MaxConcurrentRuns: 1", "MaxConcurrentRuns: many"),
        ("FlexibleTimeWindow:", "TimeWindow:"),
        ("!GetAtt Night.Arn", "!GetAtt Nights.Arn"),
        ("AssumeRolePolicyDocument:", "TrustPolicy:"),
    ],
)
def test_it_would_tell(engine: CompositeEngine, tmp_path: Path, right: str, wrong: str) -> None:
    assert right in stack()
    assert problems(engine, stack().replace(right, wrong), tmp_path) != []


def test_emr_knows_every_member_of_the_request() -> None:
    """The scheduler spells them in PascalCase, and botocore as the API does."""
    model = botocore.session.get_session().get_service_model("emr-serverless")
    shape = model.operation_model("StartJobRun").input_shape

    def as_api(value: Any, shape: Any) -> Any:
        if shape.type_name == "structure":
            spelled = {name[0].upper() + name[1:]: name for name in shape.members}
            return {spelled[k]: as_api(v, shape.members[spelled[k]]) for k, v in value.items()}
        if shape.type_name == "list":
            return [as_api(each, shape.member) for each in value]
        return value

    given = with_spark(amazon(), spark__x=NASTY)
    report = ParamValidator().validate(as_api(request(given), shape), shape)
    assert not report.has_errors(), report.generate_report()
    with pytest.raises(KeyError, match="JobDrivers"):
        as_api({"JobDrivers": {}}, shape)


def test_free_text_arrives_as_it_is(engine: CompositeEngine, tmp_path: Path) -> None:
    given = with_spark(amazon(), spark__x=NASTY, spark__y="${AWS::Region}")
    (found,) = request(given)["ConfigurationOverrides"]["ApplicationConfiguration"]
    assert found["Properties"]["spark.x"] == NASTY
    # What CloudFormation would replace is escaped, and what the scheduler would is refused.
    assert found["Properties"]["spark.y"] == "${AWS::Region}"
    assert "${!AWS::Region}" in stack(given)
    assert problems(engine, stack(given), tmp_path) == []
    with pytest.raises(ParamsError, match="start of a variable"):
        stack(with_spark(amazon(), spark__x="<aws.scheduler.x>"))


def test_one_night_at_a_time_with_an_end_and_a_token_for_each_start() -> None:
    found, asked = resources(stack()), request(amazon(retries=1))
    assert found["Application"]["SchedulerConfiguration"] == {"MaxConcurrentRuns": 1}
    assert found["Nightly"]["ScheduleExpression"] == "cron(17 5 * * ? *)"
    assert (asked["ExecutionTimeoutMinutes"], asked["RetryPolicy"]) == (240, {"MaxAttempts": 2})
    assert asked["ClientToken"] == "<aws.scheduler.execution-id>"
    driver = asked["JobDriver"]["SparkSubmit"]
    assert driver["EntryPoint"] == "s3://late-flights/store-deploy/night.py"
    assert "--answers-ok" in driver["EntryPointArguments"]


def test_a_night_may_reach_its_buckets_and_secrets_and_nothing_else() -> None:
    (policy,) = resources(stack())["Night"]["Policies"]
    allowed = [
        place
        for each in policy["PolicyDocument"]["Statement"]
        for place in ([each["Resource"]] if isinstance(each["Resource"], str) else each["Resource"])
    ]
    assert {each.rpartition(":")[2].removesuffix("/*") for each in allowed} == {
        "${RemoteBucket}",
        "late-flights",
        "late-flights-*",
    }


@mock_aws
def test_the_entry_point_asks_for_the_secret_by_the_role(monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"):
        monkeypatch.setenv(name, "")
    client = boto3.client("secretsmanager")
    client.create_secret(Name="late-flights-git-header", SecretString="Authorization: Basic abc")
    monkeypatch.setattr("assay.cli.__main__.main", lambda words: 0)
    text = texts(amazon(), "emr-serverless")["night.py"]
    exec(compile(text, "night.py", "exec"), {"__name__": "__main__"})
    assert os.environ["GIT_CONFIG_VALUE_0"] == "Authorization: Basic abc"
