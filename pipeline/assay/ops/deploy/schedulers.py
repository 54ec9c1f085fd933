"""GitHub and GitLab, and schedulers that run a command on a machine with a clone of the project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import PurePosixPath

from assay.ops.deploy.target import Target
from assay.project import layout

ACCOUNT = re.compile(r"(.+)@users\.noreply\.github\.com")
"""The address of an account, from which GitHub makes @NAME."""

WORKFLOWS = ("gate.yml", "promote.yml", "nightly.yml", "retrain.yml")


def workflows() -> dict[str, str]:
    """The text of each workflow of GitHub, by its name."""
    source = files("assay.ops.deploy") / "templates" / "github"
    return {name: (source / name).read_text(encoding="utf-8") for name in WORKFLOWS}


class GitHub(Target):
    name = "github"
    place = ".github/workflows"

    def texts(self) -> Mapping[str, str]:
        return workflows()

    def install(self) -> tuple[str, ...]:
        return (
            "make setup: has to make .venv with Assay in it; it is the first step of each job",
            *self._people(),
            "the repository's settings, once: docs/github.md",
        )

    def _people(self) -> tuple[str, ...]:
        """What ``access`` in params.yaml means for settings of the host, by accounts if it can."""
        access = self.params.access
        may = [ACCOUNT.sub(r"@\1", each) for each in access.people("promote")]
        if not may:
            return ()
        files = (layout.PARAMS, access.allowed_signers, ".github/", "Makefile", "requirements/")
        lines = "; ".join(f"/{file} {' '.join(may)}" for file in files)
        return (
            f"in .github/CODEOWNERS, a line each: {lines}",
            f"in Settings, Environments, production, Required reviewers: {', '.join(may)}",
        )


class GitLab(Target):
    name = "gitlab"
    needs = ("image",)
    keeps_nothing = True
    file = "assay.gitlab-ci.yml"

    def texts(self) -> Mapping[str, str]:
        command = ["assay", "nightly", *self.plan.reports]
        here = any("://" not in path for _, path in self.places())
        return {self.file: self.render(f"gitlab/{self.file}", command=command, here=here)}

    def local_places(self) -> list[str]:
        """The store alone: rows in a folder are those of a table that DVC keeps."""
        return [each for each in super().local_places() if each.startswith("store:")]

    def install(self) -> tuple[str, ...]:
        schedule = self.plan.schedule
        return (
            f"in .gitlab-ci.yml: include: {{local: {self.folder}/{self.file}}}",
            f'glab schedule create --cron "{schedule.minute} {schedule.hour} * * *" '
            f'--ref {schedule.branch} --description "{self.plan.name} nightly"',
            "the project's settings, once: docs/gitlab.md",
        )


# ------------------------------- schedulers that run a command on a machine with a clone


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


TARGETS = (GitHub, GitLab, Cron, Systemd, Airflow, Prefect, Dagster)
