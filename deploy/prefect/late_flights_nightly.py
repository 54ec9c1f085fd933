"""Run the nights that are due. Written by `assay deploy --target prefect` from params.yaml.

For Prefect 3: `python` this file on the machine that has the project's clone and its .venv, with
Prefect installed beside them. Secrets are environment variables of that process.
"""

import os
import subprocess

from prefect import flow, task

FOLDER = "/srv/late-flights"
# A crossed limit (4), advice to train again (6) and a held night (51) are answers.
ANSWERS = (0, 4, 6, 51)
# Failures that may pass. No other attempt would do better after others.
RETRIED = (25, 30, 52, 54, 57, 60, 137, 143)


class MayPass(Exception):
    """Tried again."""


def may_pass(task, run, state) -> bool:
    return isinstance(state.result(raise_on_failure=False), MayPass)


@task(
    retries=2,
    retry_delay_seconds=300,
    retry_condition_fn=may_pass,
)
def night() -> int:
    """The exit code of `assay nightly`, which stops by itself after the time limit."""
    limit = ["timeout", "--kill-after=60", "14400"]
    env = {**os.environ, "PATH": "/srv/late-flights/.venv/bin:/usr/local/bin:/usr/bin:/bin"}
    code = subprocess.run([*limit, "assay", "nightly", "--pull"], cwd=FOLDER, env=env).returncode
    if code in ANSWERS:
        return code
    kind = MayPass if code in RETRIED else RuntimeError
    raise kind(f"assay nightly ended with {code}")


@flow(name="late-flights-nightly")
def nightly() -> int:
    return night()


if __name__ == "__main__":
    # One night at a time: a start that finds one running waits for it.
    nightly.serve(name="late-flights", cron="17 5 * * *", limit=1)
