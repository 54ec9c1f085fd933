"""What every schedule of a project has in common: the facts that its files are written from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from assay.errors import ParamsError
from assay.monitor.nightly import PASSING
from assay.project import layout
from assay.project.params import Params
from assay.project.params.schedule import ScheduleParams, has_control_characters

KILLED = (137, 143)
"""Exit codes of a process that was killed: out of memory, or its machine was taken away."""

RETRIED = tuple(sorted({*PASSING, *KILLED}))
"""Exit codes after which the same night is tried again. A held night (51) is none of them."""

LONGEST_NAME = 45
"""Characters of a project's name: of a CronJob's 52, which limits most, some are for suffixes."""

_SECRET = re.compile(r"(?i)secret|password|token|access[._-]?key")
_VARIABLES = {"databricks": "${", "emr-serverless": "<aws."}
"""Target -> what starts a variable in its files that cannot be escaped."""


@dataclass(frozen=True)
class Plan:
    """The facts of a schedule.

    Attributes
    ----------
    folder
        The project's clone on the machine that runs the nights.
    """

    name: str
    folder: str
    store: str
    schedule: ScheduleParams
    spark: dict[str, str]

    @property
    def seconds(self) -> int:
        """The time limit of one attempt."""
        return 60 * self.schedule.time_limit_minutes

    @property
    def minutes_in_all(self) -> int:
        """The time limit of all attempts, with five minutes before each retry."""
        retries = self.schedule.retries
        return self.schedule.time_limit_minutes * (retries + 1) + 5 * retries

    @property
    def path(self) -> str:
        """The PATH of the machine: the project's tools, of which git and dvc are called, first."""
        return f"{self.folder}/.venv/bin:/usr/local/bin:/usr/bin:/bin"

    @property
    def writable(self) -> tuple[str, ...]:
        """Folders that a night writes to."""
        if "://" in self.store:
            return (self.folder,)
        place = PurePosixPath(self.folder, self.store)
        inside = ".." not in place.parts and place.is_relative_to(self.folder)
        return (self.folder,) if inside else (self.folder, str(place))

    @property
    def clone(self) -> tuple[str, ...]:
        """Options of ``assay nightly`` on a machine that may have no clone yet."""
        assert self.schedule.repository is not None
        return ("--pull", self.schedule.repository, "--branch", self.schedule.branch)

    @property
    def reports(self) -> tuple[str, ...]:
        """Options of ``assay nightly`` on a machine that keeps nothing."""
        return ("--reports-at", f"{self.store.rstrip('/')}-reports")


def make_plan(params: Params) -> Plan:
    """The plan of a project.

    Raises
    ------
    ParamsError
        A value that schedules have to hold has control characters, or the name is too long.
    """
    spark = {"spark.master": params.spark.master, **params.spark.conf}
    given = {"store": params.store, **{f"spark {key}": key + text for key, text in spark.items()}}
    wrong = [
        f"{layout.PARAMS}: {key}: expected one line without control characters, which no file of a "
        f"schedule can hold, found {text!r}"
        for key, text in given.items()
        if has_control_characters(text)
    ]
    if len(params.name) > LONGEST_NAME:
        wrong.append(
            f"{layout.PARAMS}: name: expected at most {LONGEST_NAME} characters, because names "
            f"that schedulers limit are made from it, found {len(params.name)}"
        )
    if wrong:
        raise ParamsError(wrong)
    folder = params.schedule.folder or f"/srv/{params.name}"
    conf = {key: text for key, text in params.spark.conf.items() if key != "spark.master"}
    return Plan(params.name, folder, params.store, params.schedule, conf)


def spark_conf(plan: Plan, target: str) -> dict[str, str]:
    """Spark settings for a platform's own Spark, which finds the master by itself.

    Raises
    ------
    ParamsError
        One looks like a secret, or holds what the target would take for a variable.
    """
    wrong = [
        f"{layout.PARAMS}: spark.conf.{key}: a secret belongs into no file of a schedule; hand it "
        "over as an environment variable (docs/schedulers.md)"
        for key in plan.spark
        if _SECRET.search(key)
    ]
    variable = _VARIABLES.get(target)
    if variable is not None:
        wrong += [
            f"{layout.PARAMS}: spark.conf.{key}: expected no '{variable}', which --target {target} "
            f"takes for the start of a variable, found '{text}'"
            for key, text in plan.spark.items()
            if variable in key + text
        ]
    if wrong:
        raise ParamsError(wrong)
    return plan.spark


def require(params: Params, target: str, *keys: str) -> None:
    """Check that these keys of ``schedule`` are there.

    Raises
    ------
    ParamsError
        Some are missing. A line for each.
    """
    missing = [
        f"{layout.PARAMS}: schedule.{key}: missing; assay deploy --target {target} needs it "
        "(docs/schedulers.md)"
        for key in keys
        if getattr(params.schedule, key) is None
    ]
    if missing:
        raise ParamsError(missing)


def local_places(params: Params) -> list[str]:
    """Keys of params.yaml that name folders of one machine: ``store: store``, and the like."""
    return [f"{key}: {path}" for key, path in _places(params) if "://" not in path]


def require_shared(params: Params, target: str) -> None:
    """Check that rows and results are where a machine that is thrown away can reach them.

    Raises
    ------
    ParamsError
        A folder is named. A line for each.
    """
    if local := local_places(params):
        raise ParamsError(
            [
                f"{layout.PARAMS}: {place}: expected an address such as s3://BUCKET/..., because "
                f"--target {target} runs each night on a machine that is thrown away, with its "
                "folders"
                for place in local
            ]
        )


def _places(params: Params) -> Iterator[tuple[str, str]]:
    yield "store", params.store
    given = params.score.input
    for key, path in given.paths().items():
        yield f"score.input{key}", path
    if params.labels.input is not None:
        yield "labels.input", params.labels.input.path
