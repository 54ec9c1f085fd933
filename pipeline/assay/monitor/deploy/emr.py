"""Requests to EMR Serverless and to EventBridge Scheduler, which starts its jobs each night."""

from __future__ import annotations

import json
from typing import Any

from assay.monitor.deploy.plan import Plan
from assay.project.document import dumps
from assay.project.params.schedule import Emr

_STRUCTURES = {
    "jobDriver", "sparkSubmit", "configurationOverrides", "applicationConfiguration",
    "monitoringConfiguration", "s3MonitoringConfiguration", "retryPolicy",
}  # fmt: skip
"""Members whose own members are renamed for the scheduler; other values are the user's keys."""


def requests(plan: Plan, emr: Emr, arguments: list[str], conf: dict[str, str]) -> dict[str, str]:
    """File name -> a request's JSON, as ``aws ... --cli-input-json`` takes it."""
    job = start_job_run(plan, emr, arguments, conf)
    return {
        "application.json": dumps(create_application(plan, emr)),
        "job.json": dumps(job),
        "schedule.json": dumps(create_schedule(plan, emr, job)),
    }


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
