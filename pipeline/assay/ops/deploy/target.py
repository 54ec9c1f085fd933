"""What every schedule of a project has in common: its facts, and what a target is."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar

from assay import errors
from assay.errors import AssayError, ParamsError
from assay.errors.codes import ANSWERS, PASSING
from assay.ops.deploy.quoting import FILTERS, shell
from assay.pages.templating import render_config
from assay.project import layout
from assay.project.params import Params
from assay.project.params.monitoring import ScheduleParams, has_control_characters

KILLED = (137, 143)
"""Exit codes of a process that was killed: out of memory, or its machine was taken away."""

RETRIED = tuple(sorted({*PASSING, *KILLED}))
"""Exit codes after which the same night is tried again. A held night (51) is none of them."""

LONGEST_NAME = 45
"""Characters of a project's name: of a CronJob's 52, which limits most, some are for suffixes."""

ENTRY = "night.py"
_SECRET = re.compile(r"(?i)secret|password|token|access[._-]?key")


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


class Target(ABC):
    """A scheduler: which keys of params.yaml it needs, and the files that it is given.

    Attributes
    ----------
    name
        What ``--target`` says; of a class of the project's own, its module and name.
    needs
        Keys of ``schedule``.
    keeps_nothing
        Whether each night has a machine of its own, which is thrown away with its folders.
    place
        The folder in the project where its files belong; None for ``deploy/NAME``.
    variable
        What starts a variable in its files that cannot be escaped.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    keeps_nothing: ClassVar[bool] = False
    place: ClassVar[str | None] = None
    variable: ClassVar[str | None] = None

    def __init_subclass__(cls) -> None:
        cls.name = vars(cls).get("name", f"{cls.__module__}.{cls.__qualname__}")

    def __init__(self, params: Params, folder: str) -> None:
        """Check what is needed.

        Parameters
        ----------
        folder
            Where the files will lie, relative to the project: some name one another.

        Raises
        ------
        ParamsError
            params.yaml lacks what the target needs, or holds what its files cannot.
        """
        self.params, self.plan, self.folder = params, make_plan(params), folder
        known = {*type(params.schedule).model_fields}
        if not {*self.needs} <= known:  # nor are the letters of one text
            raise ValueError(f"needs is {self.needs!r}, no tuple of keys of schedule")
        self._refuse(
            f"{layout.PARAMS}: schedule.{key}: missing; assay deploy --target {self.name} needs it "
            "(docs/schedulers.md)"
            for key in self.needs
            if getattr(params.schedule, key) is None
        )
        self._refuse(
            f"{layout.PARAMS}: {place}: expected an address such as s3://BUCKET/..., because with "
            f"--target {self.name} each night has a machine that is thrown away, with its folders"
            for place in (self.local_places() if self.keeps_nothing else ())
        )

    @abstractmethod
    def texts(self) -> Mapping[str, str]:
        """File name -> text."""

    @abstractmethod
    def install(self) -> tuple[str, ...]:
        """The commands that install them."""

    @property
    def shown(self) -> str:
        """The folder, as a shell's word."""
        return shell(self.folder)

    def arguments(self, root: str, *more: str) -> list[str]:
        """The arguments of ``assay`` on a machine that may have no clone.

        It ends with 0 on a held night, so that only failures are tried again.
        """
        return ["nightly", "--root", root, *self.plan.clone, "--answers-ok", *more]

    def spark_conf(self) -> dict[str, str]:
        """Spark settings for a platform's own Spark, which finds the master by itself.

        Raises
        ------
        ParamsError
            One looks like a secret, or holds what the target would take for a variable.
        """
        self._refuse(
            f"{layout.PARAMS}: spark.conf.{key}: a secret belongs into no file of a schedule; hand "
            "it over as an environment variable (docs/schedulers.md)"
            for key in self.plan.spark
            if _SECRET.search(key)
        )
        self._refuse(
            f"{layout.PARAMS}: spark.conf.{key}: expected no '{self.variable}', which --target "
            f"{self.name} takes for the start of a variable, found '{text}'"
            for key, text in self.plan.spark.items()
            if self.variable is not None and self.variable in key + text
        )
        return self.plan.spark

    @property
    def entry(self) -> str:
        """Where a platform finds the entry point: beside the store, in its bucket."""
        return f"{self.plan.store.rstrip('/')}-deploy/{ENTRY}"

    def secrets(self) -> dict[str, str]:
        """Environment variable -> the name of its secret: git's header, and a webhook's address."""
        webhook = self.params.alerts.webhook
        # A header tells git a password, but in no address and no argument.
        return {"GIT_CONFIG_VALUE_0": "git-header"} | (
            {webhook.url_env: webhook.url_env} if webhook is not None else {}
        )

    def places(self) -> list[tuple[str, str]]:
        """Keys of params.yaml that name folders or addresses, each with what it names."""
        return list(_places(self.params))

    def local_places(self) -> list[str]:
        """Keys of params.yaml that name folders of one machine: ``store: store``, and the like."""
        return [f"{key}: {path}" for key, path in self.places() if "://" not in path]

    def render(self, template: str, **facts: Any) -> str:
        """The text of a template, which is given the plan and the exit codes."""
        schedule = self.plan.schedule
        return render_config(
            "assay.ops.deploy",
            f"{template}.jinja",
            FILTERS,
            plan=self.plan,
            schedule=f"{schedule.minute} {schedule.hour} * * *",
            answers=ANSWERS,
            retried=RETRIED,
            final=final_codes(),
            **facts,
        )

    @staticmethod
    def _refuse(wrong: Iterator[str]) -> None:
        if lines := list(wrong):
            raise ParamsError(lines)


def final_codes() -> list[int]:
    """Exit codes of failures that another attempt will not fix."""
    known = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, AssayError)
    }
    return sorted({*known, errors.UNFORESEEN, errors.INTERRUPTED} - {*RETRIED, *ANSWERS})


def _places(params: Params) -> Iterator[tuple[str, str]]:
    yield "store", params.store
    for key, path in params.score.input.paths().items():
        yield f"score.input{key}", path
    if params.labels.input is not None:
        yield "labels.input", params.labels.input.path
