"""`python -m scripts.schedules`: write what `assay deploy` makes of this project.

Machines that are thrown away after a night need rows and results in a bucket, which the flights are
not in: for these targets params.yaml is changed as `CLOUD` says. A test compares the files.
"""

from __future__ import annotations

from pathlib import Path

from assay.ops.deploy.targets import TARGETS, run
from assay.project import params
from assay.project.params import Params
from assay.project.params.inputs import Parquet

ROOT = Path(__file__).resolve().parents[1]
CLOUD = {
    "kubernetes": "s3",
    "databricks": "s3",
    "gitlab": "s3",
    "emr-serverless": "s3",
    "cloud-run-job": "gs",
    "dataproc-serverless": "gs",
    "azure-ml": "abfss",
}
RUNTIMES = {"emr-serverless": "emr-7.12.0", "dataproc-serverless": "3.0"}
ACCOUNT = "nights@late-flights.iam.gserviceaccount.com"


def of_target(given: Params, target: str) -> Params:
    """The project's parameters, with a bucket and names where the target cannot do without."""
    if target not in CLOUD:
        return given
    more = {"identity": ACCOUNT, "runtime": RUNTIMES.get(target), "vault": "late-flights"}
    schedule = given.schedule.model_copy(update=more)
    return in_cloud(given, CLOUD[target]).model_copy(update={"schedule": schedule})


def in_cloud(given: Params, scheme: str = "s3") -> Params:
    """The same project with its rows, its labels and its store in a bucket."""
    account = "@flights.dfs.core.windows.net" if scheme == "abfss" else ""
    bucket = f"{scheme}://late-flights{account}"
    rows = Parquet(format="parquet", path=f"{bucket}/raw")
    return given.model_copy(
        update={
            "store": f"{bucket}/store",
            "score": given.score.model_copy(update={"input": rows}),
            "labels": given.labels.model_copy(update={"input": rows}),
        }
    )


def main() -> None:
    given = params.load(ROOT)
    for target in TARGETS:
        for each in run(ROOT, of_target(given, target), target, overwrite=True).files:
            print(each.path, each.state)


if __name__ == "__main__":
    main()
