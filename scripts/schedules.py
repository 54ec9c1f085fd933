"""`python -m scripts.schedules`: write deploy/, what `assay deploy` makes of this project.

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
CLOUD = ("kubernetes", "databricks", "gitlab")
BUCKET = "s3://late-flights"


def of_target(given: Params, target: str) -> Params:
    """The project's parameters, with a bucket where the target cannot do without."""
    return in_cloud(given) if target in CLOUD else given


def in_cloud(given: Params) -> Params:
    """The same project with its rows, its labels and its store in a bucket."""
    rows = Parquet(format="parquet", path=f"{BUCKET}/raw")
    return given.model_copy(
        update={
            "store": f"{BUCKET}/store",
            "score": given.score.model_copy(update={"input": rows}),
            "labels": given.labels.model_copy(update={"input": rows}),
        }
    )


def main() -> None:
    given = params.load(ROOT)
    for target in TARGETS:
        for path in run(ROOT, of_target(given, target), target).files:
            print(path)


if __name__ == "__main__":
    main()
