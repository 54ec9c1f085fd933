"""Google's job and batch against the schemas of its discovery documents, and the entry point.

scripts/platform_api.py reads the schemas from Google's client.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from assay.ops.deploy.targets import TARGETS
from assay.project.params import Alerts, Params, Webhook
from scripts import schedules
from tests.ops.deploy.given import NASTY, documents, project, texts, with_spark

API = json.loads(Path(__file__).with_name("platform_api.json").read_text(encoding="utf-8"))
HOOK = Alerts(webhook=Webhook(url_env="HOOK"))


def google(target: str, **schedule: Any) -> Params:
    given = schedules.of_target(schedules.in_cloud(project(**schedule), "gs"), target)
    return given.model_copy(update={"alerts": HOOK})


def problems(kind: str, value: Any) -> list[str]:
    """What a strict reading of Google's schemas has against a resource."""

    def strict(schema: Any) -> Any:
        if "$ref" in schema:
            return {"$ref": f"#/$defs/{schema['$ref']}"}
        kept = {key: schema[key] for key in ("type", "enum") if key in schema}
        if "items" in schema:
            kept["items"] = strict(schema["items"])
        if "properties" in schema:
            kept["properties"] = {key: strict(each) for key, each in schema["properties"].items()}
            kept["additionalProperties"] = False
        if "additionalProperties" in schema:
            kept["additionalProperties"] = strict(schema["additionalProperties"])
        return kept

    known = {name: strict(each) for name, each in API[kind]["schemas"].items()}
    found = jsonschema.Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": known})
    return [each.message for each in found.iter_errors(value)]


def job(**schedule: Any) -> dict[str, Any]:
    (found,) = documents(texts(google("cloud-run-job", **schedule), "cloud-run-job")["job.yaml"])
    return found


def batch(given: Params | None = None) -> dict[str, Any]:
    given = given or google("dataproc-serverless")
    found: dict[str, Any] = json.loads(texts(given, "dataproc-serverless")["batch.json"])
    return found


def task(found: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = found["spec"]["template"]["spec"]["template"]["spec"]
    return spec


def test_google_knows_every_field() -> None:
    assert problems("Job", job()) == []
    given = with_spark(google("dataproc-serverless"), spark__x=NASTY)
    assert problems("Batch", batch(given)) == []
    assert batch(given)["runtimeConfig"]["properties"]["spark.x"] == NASTY


@pytest.mark.parametrize("place", ["job", "task", "container", "batch", "environment"])
def test_a_field_that_google_does_not_know_would_be_told(place: str) -> None:
    run, spark = job(), batch()
    {
        "job": run["spec"],
        "task": task(run),
        "container": task(run)["containers"][0],
        "batch": spark["pysparkBatch"],
        "environment": spark["environmentConfig"]["executionConfig"],
    }[place]["maxRetry"] = 1
    assert problems("Job", run) + problems("Batch", spark) == [
        "Additional properties are not allowed ('maxRetry' was unexpected)"
    ]


def test_a_value_of_another_type_would_be_told() -> None:
    wrong = job()
    task(wrong)["timeoutSeconds"] = 14400
    assert problems("Job", wrong) == ["14400 is not of type 'string'"]


def test_a_job_ends_is_tried_again_and_has_no_key() -> None:
    found = task(job(retries=1))
    assert (found["timeoutSeconds"], found["maxRetries"]) == ("14400", 1)
    assert found["serviceAccountName"] == schedules.ACCOUNT
    (container,) = found["containers"]
    assert "--answers-ok" in container["args"] and "--reports-at" in container["args"]
    secrets = [each for each in container["env"] if "value" not in each]
    assert [(each["name"], each["valueFrom"]["secretKeyRef"]) for each in secrets] == [
        ("GIT_CONFIG_VALUE_0", {"name": "late-flights-git-header", "key": "latest"}),
        ("HOOK", {"name": "late-flights-HOOK", "key": "latest"}),
    ]


@pytest.mark.parametrize("target", ["cloud-run-job", "dataproc-serverless"])
def test_the_schedule_is_one_command_with_an_account_and_no_key(target: str) -> None:
    install = TARGETS[target](google(target), f"deploy/{target}").install()
    words = shlex.split(install[-1])
    assert words[:5] == ["gcloud", "scheduler", "jobs", "create", "http"]
    assert words[words.index("--schedule") + 1] == "17 5 * * *"
    assert words[words.index("--oauth-service-account-email") + 1] == schedules.ACCOUNT
    # The entry point is where the batch names it.
    if target == "dataproc-serverless":
        assert shlex.split(install[0])[-1] == batch()["pysparkBatch"]["mainPythonFileUri"]


def test_the_batch_s_entry_point_asks_for_secrets_with_the_account_s_own_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, dict[str, str]]] = []
    answers = {
        "project/project-id": b"late",
        "service-accounts/default/token": json.dumps({"access_token": "t0"}).encode(),
        "late-flights-git-header/versions/latest:access": secret("Authorization: Basic abc"),
        "late-flights-HOOK/versions/latest:access": secret("https://hook"),
    }

    def urlopen(request: Any, timeout: float) -> io.BytesIO:
        asked.append((request.full_url, dict(request.header_items())))
        (body,) = (each for end, each in answers.items() if request.full_url.endswith(end))
        return io.BytesIO(body)

    for name in ("GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0", "HOOK"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    called: list[list[str]] = []
    monkeypatch.setattr("assay.cli.__main__.main", lambda words: called.append(words) or 52)
    monkeypatch.setattr("sys.argv", ["night.py", "nightly", "--root", "/tmp/x"])
    text = texts(google("dataproc-serverless"), "dataproc-serverless")["night.py"]
    with pytest.raises(SystemExit) as ended:
        exec(compile(text, "night.py", "exec"), {"__name__": "__main__"})
    assert (ended.value.code, called) == (52, [["nightly", "--root", "/tmp/x"]])
    assert os.environ["GIT_CONFIG_VALUE_0"] == "Authorization: Basic abc"
    assert (os.environ["GIT_CONFIG_KEY_0"], os.environ["GIT_CONFIG_COUNT"]) == (
        "http.extraHeader",
        "1",
    )
    assert os.environ["HOOK"] == "https://hook"
    # The token goes to Google's own host alone, over TLS; only the metadata server has none.
    for address, headers in asked:
        inside = address.startswith("http://metadata.google.internal/computeMetadata/v1/")
        assert inside is ("Metadata-flavor" in headers) is ("Authorization" not in headers)
        assert inside or address.startswith(
            "https://secretmanager.googleapis.com/v1/projects/late/secrets/"
        )


def secret(text: str) -> bytes:
    return json.dumps({"payload": {"data": base64.b64encode(text.encode()).decode()}}).encode()
