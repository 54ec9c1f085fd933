"""EMR Serverless: requests to it, and to EventBridge Scheduler, which starts its jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from assay.ops.deploy.target import ENTRY, Plan, Target
from assay.project.document import dumps
from assay.project.params.monitoring import Emr

_STRUCTURES = {
    "jobDriver", "sparkSubmit", "configurationOverrides", "applicationConfiguration",
    "monitoringConfiguration", "s3MonitoringConfiguration", "retryPolicy",
}  # fmt: skip
"""Members whose own members are renamed for the scheduler; other values are the user's keys."""


class EmrServerless(Target):
    name = "emr-serverless"
    needs = ("repository", "image", "emr")
    keeps_nothing = True
    variable = "<aws."

    def texts(self) -> Mapping[str, str]:
        arguments = self.arguments(f"/tmp/{self.plan.name}", *self.plan.reports)
        job = start_job_run(self.plan, self.emr, arguments, self.spark_conf())
        return {
            "application.json": dumps(create_application(self.plan, self.emr)),
            "job.json": dumps(job),
            "schedule.json": dumps(create_schedule(self.plan, self.emr, job)),
            ENTRY: self.render(ENTRY),
        }

    def install(self) -> tuple[str, ...]:
        files = f"file://{self.shown}"
        return (
            f"aws emr-serverless create-application --cli-input-json {files}/application.json",
            "put the application's id into params.yaml as schedule.emr.application, and write anew",
            f"aws s3 cp {self.shown}/{ENTRY} {self.emr.files}/{ENTRY}",
            f"aws scheduler create-schedule --cli-input-json {files}/schedule.json",
        )

    @property
    def emr(self) -> Emr:
        assert self.params.schedule.emr is not None  # as `needs` says
        return self.params.schedule.emr


def create_application(plan: Plan, emr: Emr) -> dict[str, Any]:
    """The application. It runs one job at a time, and the next waits for it."""
    return {
        "name": plan.name,
        "releaseLabel": emr.release,
        "type": "SPARK",
        "imageConfiguration": {"imageUri": plan.schedule.image},
        "schedulerConfiguration": {
            "maxConcurrentRuns": 1,
            "queueTimeoutMinutes": max(15, min(720, plan.schedule.time_limit_minutes)),
        },
        "autoStartConfiguration": {"enabled": True},
        "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": 15},
    }


def start_job_run(
    plan: Plan, emr: Emr, arguments: list[str], conf: dict[str, str]
) -> dict[str, Any]:
    """One run. It ends with 0 on a held night, so that only failures are tried again."""
    overrides: dict[str, Any] = {
        "monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": f"{emr.files}/logs/"}}
    }
    if conf:
        overrides["applicationConfiguration"] = [
            {"classification": "spark-defaults", "properties": conf}
        ]
    return {
        "name": f"{plan.name}-nightly",
        "applicationId": emr.application,
        "executionRoleArn": emr.role,
        "mode": "BATCH",
        "executionTimeoutMinutes": plan.schedule.time_limit_minutes,
        "retryPolicy": {"maxAttempts": plan.schedule.retries + 1},
        "jobDriver": {
            "sparkSubmit": {
                "entryPoint": f"{emr.files}/night.py",
                "entryPointArguments": arguments,
            }
        },
        "configurationOverrides": overrides,
    }


def create_schedule(plan: Plan, emr: Emr, job: dict[str, Any]) -> dict[str, Any]:
    """A start each night, which a lost answer cannot turn into two."""
    given = {**_renamed(job), "ClientToken": "<aws.scheduler.execution-id>"}
    return {
        "Name": f"{plan.name}-nightly",
        "ScheduleExpression": f"cron({plan.schedule.minute} {plan.schedule.hour} * * ? *)",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
        "Target": {
            "Arn": "arn:aws:scheduler:::aws-sdk:emrserverless:startJobRun",
            "RoleArn": emr.scheduler_role,
            "Input": json.dumps(given, ensure_ascii=False),
            "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600},
        },
    }


def _renamed(structure: dict[str, Any]) -> dict[str, Any]:
    """The same request with members in PascalCase, as the scheduler's universal target has them."""
    found = {}
    for name, value in structure.items():
        if name in _STRUCTURES:
            value = [*map(_renamed, value)] if isinstance(value, list) else _renamed(value)
        found[name[0].upper() + name[1:]] = value
    return found
