"""The files of each target: params.yaml in, file names and texts out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from assay import errors
from assay.errors import AssayError, ParamsError
from assay.monitor.deploy import emr
from assay.monitor.deploy.plan import (
    RETRIED,
    Plan,
    local_places,
    make_plan,
    require,
    require_shared,
    spark_conf,
)
from assay.monitor.deploy.quoting import FILTERS, shell
from assay.monitor.nightly import ANSWERS
from assay.pages.templating import render_config
from assay.project import layout
from assay.project.params import Params

ENTRY = "night.py"


@dataclass(frozen=True)
class ScheduleFiles:
    """File name -> text; ``remarks`` on what is missing, and the commands that ``install`` them."""

    texts: Mapping[str, str]
    install: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def schedule_files(params: Params, target: str, folder: str) -> ScheduleFiles:
    """Everything that ``target`` needs to run the nights of a project.

    Parameters
    ----------
    target
        A key of `TARGETS`.
    folder
        Where the files will lie, relative to the project: some name one another.

    Raises
    ------
    ParamsError
        params.yaml lacks what the target needs, or holds what its files cannot.
    """
    return TARGETS[target](params, make_plan(params), folder)


def _cron(params: Params, plan: Plan, folder: str) -> ScheduleFiles:
    shown = shell(folder)
    place = str(PurePosixPath(plan.folder, folder, "nightly.sh"))
    command = ["assay", "nightly", "--pull"]
    texts = {
        "nightly.sh": _render("cron/nightly.sh", plan, command=command),
        plan.name: _render("cron/crontab", plan, script=place),
    }
    return ScheduleFiles(texts, (f"sudo install -m 644 {shown}/{plan.name} /etc/cron.d/",))


def _systemd(params: Params, plan: Plan, folder: str) -> ScheduleFiles:
    shown = shell(folder)
    command = ["assay", "nightly", "--pull"]
    unit = f"assay-{plan.name}"
    texts = {
        f"{unit}.service": _render("systemd/service", plan, command=command),
        f"{unit}.timer": _render("systemd/timer", plan),
    }
    install = (
        f"sudo install -m 644 {shown}/{unit}.* /etc/systemd/system/",
        f"sudo systemctl daemon-reload && sudo systemctl enable --now {unit}.timer",
    )
    return ScheduleFiles(texts, install)


def _airflow(params: Params, plan: Plan, folder: str) -> ScheduleFiles:
    shown = shell(folder)
    name = f"{plan.name.replace('-', '_')}_nightly.py"
    # The option last: Airflow would read a command that ends in .sh from a file.
    command = ["assay", "nightly", "--root", plan.folder, "--pull"]
    return ScheduleFiles(
        {name: _render("airflow/dag.py", plan, command=command)},
        (f'cp {shown}/{name} "$AIRFLOW_HOME/dags/"',),
    )


def _kubernetes(params: Params, plan: Plan, folder: str) -> ScheduleFiles:
    shown = shell(folder)
    require(params, "kubernetes", "repository", "image")
    arguments = ["nightly", "--root", plan.folder, *plan.clone, "--answers-ok"]
    volume = str(PurePosixPath(plan.folder).parent)
    if volume == "/":
        raise ParamsError(
            [
                f"{layout.PARAMS}: schedule.folder: expected a folder in a folder, because a "
                f"volume is mounted above it, found {plan.folder}"
            ]
        )
    cronjob = _render("kubernetes/cronjob.yaml", plan, arguments=arguments, volume=volume)
    texts = {"cronjob.yaml": cronjob}
    install = (f"kubectl apply -f {shown}/cronjob.yaml",)
    if local := local_places(params):
        remark = (
            "no SparkApplication: its executors cannot reach a folder of the driver "
            f"({', '.join(local)})"
        )
        return ScheduleFiles(texts, install, (remark,))
    facts = {
        "arguments": ["nightly", "--root", f"/tmp/{plan.name}", *plan.clone, "--answers-ok",
                      *plan.reports],
        "spark_version": version("pyspark"),
        "memory": {
            "driver": plan.spark.get("spark.driver.memory", "2g"),
            "executor": plan.spark.get("spark.executor.memory", "2g"),
        },
        "executors": _count(plan.spark.get("spark.executor.instances", "")) or 2,
        "conf": spark_conf(plan, "kubernetes"),
        "entry": _render(ENTRY, plan),
    }  # fmt: skip
    for name in ("spark-application", "scheduled-spark-application", "spark-entry"):
        texts[f"{name}.yaml"] = _render(f"kubernetes/{name}.yaml", plan, **facts)
    files = " ".join(
        f"-f {shown}/{name}.yaml" for name in ("spark-entry", "scheduled-spark-application")
    )
    return ScheduleFiles(texts, (*install, f"or, with spark-operator: kubectl apply {files}"))


def _databricks(params: Params, plan: Plan, folder: str) -> ScheduleFiles:
    shown = shell(folder)
    require(params, "databricks", "repository", "image")
    require_shared(params, "databricks")
    arguments = ["nightly", "--root", f"/local_disk0/{plan.name}", *plan.clone, "--answers-ok",
                 *plan.reports]  # fmt: skip
    texts = {
        "databricks.yml": _render(
            "databricks/databricks.yml",
            plan,
            arguments=arguments,
            quartz=f"0 {plan.schedule.minute} {plan.schedule.hour} * * ?",
            conf=spark_conf(plan, "databricks"),
            secrets=dict(_databricks_secrets(params)),
        ),
        ENTRY: _render(ENTRY, plan),
    }
    return ScheduleFiles(texts, (f"cd {shown} && databricks bundle deploy",))


def _databricks_secrets(params: Params) -> Iterator[tuple[str, str]]:
    """Environment variables, each with the reference to its secret."""
    # How git is told a header without a password in an address or an argument.
    yield "GIT_CONFIG_COUNT", "1"
    yield "GIT_CONFIG_KEY_0", "http.extraHeader"
    yield "GIT_CONFIG_VALUE_0", f"{{{{secrets/{params.name}/git-header}}}}"
    if (webhook := params.alerts.webhook) is not None:
        yield webhook.url_env, f"{{{{secrets/{params.name}/{webhook.url_env}}}}}"


def _emr_serverless(params: Params, plan: Plan, folder: str) -> ScheduleFiles:
    shown = shell(folder)
    require(params, "emr-serverless", "repository", "image", "emr")
    require_shared(params, "emr-serverless")
    given = params.schedule.emr
    assert given is not None
    arguments = ["nightly", "--root", f"/tmp/{plan.name}", *plan.clone, "--answers-ok",
                 *plan.reports]  # fmt: skip
    conf = spark_conf(plan, "emr-serverless")
    texts = {**emr.requests(plan, given, arguments, conf), ENTRY: _render(ENTRY, plan)}
    install = (
        f"aws emr-serverless create-application --cli-input-json file://{shown}/application.json",
        "put the application's id into params.yaml as schedule.emr.application, and write anew",
        f"aws s3 cp {shown}/{ENTRY} {given.files}/{ENTRY}",
        f"aws scheduler create-schedule --cli-input-json file://{shown}/schedule.json",
    )
    return ScheduleFiles(texts, install)


def _gitlab(params: Params, plan: Plan, folder: str) -> ScheduleFiles:
    require(params, "gitlab", "image")
    require_shared(params, "gitlab")
    command = ["assay", "nightly", *plan.reports]
    name = "nightly.gitlab-ci.yml"
    when = f"{plan.schedule.minute} {plan.schedule.hour} * * *"
    return ScheduleFiles(
        {name: _render(f"gitlab/{name}", plan, command=command)},
        (
            f"in .gitlab-ci.yml: include: {{local: {folder}/{name}}}",
            f'glab schedule create --cron "{when}" --ref {plan.schedule.branch} '
            f'--description "{plan.name} nightly"',
        ),
    )


def _render(template: str, plan: Plan, **facts: Any) -> str:
    return render_config(
        "assay.monitor.deploy",
        f"{template}.jinja",
        FILTERS,
        plan=plan,
        schedule=f"{plan.schedule.minute} {plan.schedule.hour} * * *",
        answers=ANSWERS,
        retried=RETRIED,
        final=final_codes(),
        **facts,
    )


def final_codes() -> list[int]:
    """Exit codes of failures that another attempt will not fix."""
    known = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, AssayError)
    }
    return sorted({*known, errors.UNFORESEEN, errors.INTERRUPTED} - {*RETRIED, *ANSWERS})


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


Maker = Callable[[Params, Plan, str], ScheduleFiles]

TARGETS: Mapping[str, Maker] = MappingProxyType(
    {
        "cron": _cron,
        "systemd": _systemd,
        "airflow": _airflow,
        "kubernetes": _kubernetes,
        "databricks": _databricks,
        "emr-serverless": _emr_serverless,
        "gitlab": _gitlab,
    }
)
