"""Run the nights that are due. Written by `assay deploy --target airflow` from params.yaml.

For Airflow 3. The worker must have the project's clone and its .venv; secrets are environment
variables of the worker, never of this file.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="late-flights",
    description="Score the nights that are due, take labels, monitor and tell.",
    schedule="17 5 * * *",
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    # The command finds by itself which nights were missed.
    catchup=False,
    # One night at a time.
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=730),
    tags=["assay"],
) as dag:
    BashOperator(
        task_id="nightly",
        bash_command="assay nightly --root /srv/late-flights --pull",
        # The slash at the end keeps Airflow from reading a template out of a folder named x.sh.
        cwd="/srv/late-flights/",
        env={"PATH": "/srv/late-flights/.venv/bin:/usr/local/bin:/usr/bin:/bin"},
        append_env=True,
        # A crossed limit (4), advice to train again (6) and a held night (51) are answers: the
        # task is shown as skipped, and is not tried again.
        skip_on_exit_code=[4, 6, 51],
        retries=2,
        retry_delay=timedelta(minutes=5),
        execution_timeout=timedelta(minutes=240),
        max_active_tis_per_dag=1,
    )
