"""Azure ML's schedule against the keys of its own SDK, and the entry point against its endpoints.

scripts/platform_api.py reads the keys from the SDK's wheel.
"""

from __future__ import annotations

import io
import json
import os
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ruamel.yaml import YAML

from assay.errors import ParamsError
from assay.project.params import Alerts, Params, Webhook
from scripts import schedules
from tests.ops.deploy.given import documents, project, texts

API = json.loads(Path(__file__).with_name("platform_api.json").read_text(encoding="utf-8"))
HOOK = Alerts(webhook=Webhook(url_env="ASSAY_HOOK"))


def azure(**schedule: Any) -> Params:
    given = schedules.of_target(schedules.in_cloud(project(**schedule), "abfss"), "azure-ml")
    return given.model_copy(update={"alerts": HOOK})


def written(**schedule: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    made = texts(azure(**schedule), "azure-ml")
    (plan,), (job,) = documents(made["schedule.yml"]), documents(made["job.yml"])
    return plan, job


def unknown(plan: dict[str, Any], job: dict[str, Any]) -> list[str]:
    """Keys that Azure ML's SDK does not take."""
    step = job["jobs"]["nightly"]
    parts = {
        "JobScheduleSchema": plan,
        "CronTriggerSchema": plan["trigger"],
        "PipelineJobSchema": job,
        "PipelineJobSettingsSchema": job["settings"],
        "CommandSchema": step,
        "AnonymousEnvironmentSchema": step["environment"],
        "ManagedIdentitySchema": step["identity"],
        "CommandJobLimitsSchema": step["limits"],
        "JobResourceConfigurationSchema": step["resources"],
    }
    return [
        key
        for name, part in parts.items()
        for key in part
        if key not in {*API[name]["takes"], "$schema"}
    ]


def test_azure_ml_knows_every_key() -> None:
    plan, job = written()
    assert unknown(plan, job) == []
    job["jobs"]["nightly"]["limits"]["time"] = plan["trigger"]["timezone"] = 1
    assert unknown(plan, job) == ["timezone", "time"]


def test_a_night_is_one_step_that_runs_each_time_and_ends() -> None:
    plan, job = written()
    assert plan["trigger"] == {"type": "cron", "expression": "17 5 * * *", "time_zone": "UTC"}
    assert plan["create_job"] == "./job.yml"
    # A step with the inputs of last night's would else be taken from there.
    assert job["settings"]["force_rerun"] is True
    (step,) = job["jobs"].values()
    assert (step["limits"], step["identity"]) == ({"timeout": 14400}, {"type": "managed"})
    words = shlex.split(step["command"])
    assert words[:3] == ["python", "night.py", "nightly"]
    assert "--answers-ok" in words and "--reports-at" in words


def test_what_azure_ml_would_replace_is_refused() -> None:
    given = azure().model_copy(update={"store": "abfss://a@b.dfs.core.windows.net/${{x}}"})
    with pytest.raises(ParamsError, match="start of a variable"):
        texts(given, "azure-ml")


def test_the_entry_point_asks_as_the_job_s_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, dict[str, str]]] = []

    def urlopen(request: Any, timeout: float) -> io.BytesIO:
        asked.append((request.full_url, dict(request.header_items())))
        where = urlsplit(request.full_url)
        if where.hostname == "127.0.0.1":
            resource = parse_qs(where.query)["resource"][0]
            return io.BytesIO(json.dumps({"access_token": f"for {resource}"}).encode())
        return io.BytesIO(json.dumps({"value": f"secret of {where.path}"}).encode())

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    for name in ("GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0", "ASSAY_HOOK"):
        monkeypatch.setenv(name, "")
    for name, value in {
        "AZURE_STORAGE_TOKEN": "",
        "MSI_ENDPOINT": "http://127.0.0.1:46808/MSI/auth",
        "MSI_SECRET": "of the machine",
        "DEFAULT_IDENTITY_CLIENT_ID": "nights",
    }.items():
        monkeypatch.setenv(name, value)
    called: list[list[str]] = []
    monkeypatch.setattr("assay.cli.__main__.main", lambda words: called.append(words) or 52)
    monkeypatch.setattr("sys.argv", ["night.py", "nightly", "--root", "/tmp/x"])
    text = texts(azure(), "azure-ml")["night.py"]
    code = compile(text, "night.py", "exec")
    with pytest.raises(SystemExit) as ended:
        exec(code, {"__name__": "__main__"})
    assert (ended.value.code, called) == (52, [["nightly", "--root", "/tmp/x"]])
    assert os.environ["AZURE_STORAGE_TOKEN"] == "for https://storage.azure.com"
    assert os.environ["GIT_CONFIG_VALUE_0"] == "secret of /secrets/late-flights-git-header"
    # No underscore is allowed in a vault.
    assert os.environ["ASSAY_HOOK"] == "secret of /secrets/late-flights-ASSAY-HOOK"
    for address, headers in asked:
        inside = address.startswith("http://127.0.0.1:46808/MSI/auth?")
        assert inside is (headers.get("Secret") == "of the machine")
        assert inside is ("clientid=nights" in address)
        assert inside or address.startswith("https://late-flights.vault.azure.net/secrets/")
        assert inside or headers["Authorization"] == "Bearer for https://vault.azure.net"
    monkeypatch.delenv("MSI_ENDPOINT")
    with pytest.raises(SystemExit, match="no managed identity"):
        exec(code, {"__name__": "__main__"})


def test_files_are_yaml_that_others_read_alike() -> None:
    for text in (texts(azure(), "azure-ml")[name] for name in ("schedule.yml", "job.yml")):
        assert YAML(typ="safe").load(text) == YAML(typ="safe", pure=True).load(text)
