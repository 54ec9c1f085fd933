"""Schedulers that run a command on a machine with a clone of the project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from assay.ops.deploy.target import Target

PULLED = ("assay", "nightly", "--pull")
"""The command on a machine that has a clone."""


class Cron(Target):
    name = "cron"

    def texts(self) -> Mapping[str, str]:
        place = str(PurePosixPath(self.plan.folder, self.folder, "nightly.sh"))
        return {
            "nightly.sh": self.render("cron/nightly.sh", command=PULLED),
            self.plan.name: self.render("cron/crontab", script=place),
        }

    def install(self) -> tuple[str, ...]:
        return (f"sudo install -m 644 {self.shown}/{self.plan.name} /etc/cron.d/",)


class Systemd(Target):
    name = "systemd"

    @property
    def unit(self) -> str:
        return f"assay-{self.plan.name}"

    def texts(self) -> Mapping[str, str]:
        return {
            f"{self.unit}.service": self.render("systemd/service", command=PULLED),
            f"{self.unit}.timer": self.render("systemd/timer"),
        }

    def install(self) -> tuple[str, ...]:
        return (
            f"sudo install -m 644 {self.shown}/{self.unit}.* /etc/systemd/system/",
            f"sudo systemctl daemon-reload && sudo systemctl enable --now {self.unit}.timer",
        )


class Airflow(Target):
    name = "airflow"

    @property
    def file(self) -> str:
        return f"{self.plan.name.replace('-', '_')}_nightly.py"

    def texts(self) -> Mapping[str, str]:
        # The option last: Airflow would read a command that ends in .sh from a file.
        command = ["assay", "nightly", "--root", self.plan.folder, "--pull"]
        return {self.file: self.render("airflow/dag.py", command=command)}

    def install(self) -> tuple[str, ...]:
        return (f'cp {self.shown}/{self.file} "$AIRFLOW_HOME/dags/"',)


class Prefect(Target):
    name = "prefect"

    @property
    def file(self) -> str:
        return f"{self.plan.name.replace('-', '_')}_nightly.py"

    def texts(self) -> Mapping[str, str]:
        return {self.file: self.render(f"{self.name}/nightly.py")}

    def install(self) -> tuple[str, ...]:
        return (f"python {self.shown}/{self.file}  (keep it running: it starts each night)",)


class Dagster(Prefect):
    name = "dagster"

    def install(self) -> tuple[str, ...]:
        return (f"in workspace.yaml: load_from: [{{python_file: {self.folder}/{self.file}}}]",)


TARGETS = (Cron, Systemd, Airflow, Prefect, Dagster)
