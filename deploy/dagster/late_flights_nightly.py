"""Run the nights that are due. Written by `assay deploy --target dagster` from params.yaml.

The code location must have the project's clone and its .venv; secrets are environment variables of
the process, never of this file.
"""

import os
import subprocess

from dagster import (
    DefaultScheduleStatus,
    Definitions,
    Failure,
    RetryRequested,
    ScheduleDefinition,
    job,
    op,
)

FOLDER = "/srv/late-flights"
# A crossed limit (4), advice to train again (6) and a held night (51) are answers.
ANSWERS = (0, 4, 6, 51)
# Failures that may pass. No other attempt would do better after others.
RETRIED = (25, 30, 52, 54, 57, 60, 137, 143)


@op
def night() -> int:
    """The exit code of `assay nightly`, which stops by itself after the time limit."""
    limit = ["timeout", "--kill-after=60", "14400"]
    env = {**os.environ, "PATH": "/srv/late-flights/.venv/bin:/usr/local/bin:/usr/bin:/bin"}
    code = subprocess.run([*limit, "assay", "nightly", "--pull"], cwd=FOLDER, env=env).returncode
    if code in ANSWERS:
        return code
    if code in RETRIED:
        raise RetryRequested(max_retries=2, seconds_to_wait=300)
    raise Failure(f"assay nightly ended with {code}", allow_retries=False)


@job(name="late_flights_nightly", tags={"assay": "late-flights"})
def nightly():
    night()


defs = Definitions(
    jobs=[nightly],
    schedules=[
        ScheduleDefinition(
            job=nightly,
            cron_schedule="17 5 * * *",
            execution_timezone="UTC",
            default_status=DefaultScheduleStatus.RUNNING,
        )
    ],
)
