"""``assay deploy``: write the files of a scheduler. Each is a class: its keys and its templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import isabstract
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from assay.errors import AssayError, ParamsError, PluginError, UsageError
from assay.ops.deploy.target import ENTRY, Target
from assay.project import layout, plugins, source_code
from assay.project.document import write_text
from assay.project.params import Params
from assay.project.text import suggest

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


class Kubernetes(Target):
    name = "kubernetes"
    needs = ("repository", "image")

    def texts(self) -> Mapping[str, str]:
        volume = str(PurePosixPath(self.plan.folder).parent)
        if volume == "/":
            raise ParamsError(
                [
                    f"{layout.PARAMS}: schedule.folder: expected a folder in a folder, because a "
                    f"volume is mounted above it, found {self.plan.folder}"
                ]
            )
        arguments = self.arguments(self.plan.folder)
        text = self.render("kubernetes/cronjob.yaml", arguments=arguments, volume=volume)
        return {"cronjob.yaml": text}

    def install(self) -> tuple[str, ...]:
        return (f"kubectl apply -f {self.shown}/cronjob.yaml",)


class Databricks(Target):
    name = "databricks"
    needs = ("repository", "image")
    keeps_nothing = True
    variable = "${"

    def texts(self) -> Mapping[str, str]:
        schedule = self.plan.schedule
        return {
            "databricks.yml": self.render(
                "databricks/databricks.yml",
                arguments=self.arguments(f"/local_disk0/{self.plan.name}", *self.plan.reports),
                quartz=f"0 {schedule.minute} {schedule.hour} * * ?",
                conf=self.spark_conf(),
                secrets=dict(self._secrets()),
            ),
            ENTRY: self.render(ENTRY),
        }

    def _secrets(self) -> Iterator[tuple[str, str]]:
        """Environment variables, each with the reference to its secret."""
        scope = f"secrets/{self.params.name}"
        # How git is told a header without a password in an address or an argument.
        yield "GIT_CONFIG_COUNT", "1"
        yield "GIT_CONFIG_KEY_0", "http.extraHeader"
        yield "GIT_CONFIG_VALUE_0", f"{{{{{scope}/git-header}}}}"
        if (webhook := self.params.alerts.webhook) is not None:
            yield webhook.url_env, f"{{{{{scope}/{webhook.url_env}}}}}"

    def install(self) -> tuple[str, ...]:
        return (f"cd {self.shown} && databricks bundle deploy",)


class GitLab(Target):
    name = "gitlab"
    needs = ("image",)
    keeps_nothing = True
    file = "nightly.gitlab-ci.yml"

    def texts(self) -> Mapping[str, str]:
        command = ["assay", "nightly", *self.plan.reports]
        return {self.file: self.render(f"gitlab/{self.file}", command=command)}

    def install(self) -> tuple[str, ...]:
        schedule = self.plan.schedule
        return (
            f"in .gitlab-ci.yml: include: {{local: {self.folder}/{self.file}}}",
            f'glab schedule create --cron "{schedule.minute} {schedule.hour} * * *" '
            f'--ref {schedule.branch} --description "{self.plan.name} nightly"',
        )


TARGETS: Mapping[str, type[Target]] = MappingProxyType(
    {each.name: each for each in (Cron, Systemd, Airflow, Kubernetes, Databricks, GitLab)}
)

FOLDER = "deploy"


@dataclass(frozen=True)
class WrittenSchedule:
    """The files that were written, and how to install them."""

    target: str
    files: tuple[str, ...]
    install: tuple[str, ...]


def find_target(root: Path, name: str) -> type[Target]:
    """The class of a scheduler, Assay's or the project's own.

    Raises
    ------
    UsageError
        There is none of that name.
    PluginError
        A class of the project's own cannot be imported, or is no target.
    """
    if name in TARGETS:
        return TARGETS[name]
    if "." not in name:
        raise UsageError(
            "no such scheduler",
            where="assay deploy --target",
            expected=f"{', '.join(TARGETS)}, or a class such as data.schedulers.Prefect",
            found=name,
            fix=suggest(name, TARGETS),
        )
    found = plugins.resolve(name, key="--target", root=root)
    if isinstance(found, type) and issubclass(found, Target) and not isabstract(found):
        return found
    raise PluginError(
        "no scheduler",
        where="assay deploy --target",
        expected="a class derived from assay.testing.Target, with methods texts and install",
        found=name,
    )


def _check_sound(texts: object, install: object) -> None:
    """Raise ValueError for what a class of the project's own may give, and no file can be."""
    if not isinstance(texts, Mapping) or not texts:
        raise ValueError("texts gives no mapping of file names to texts")
    for name, text in texts.items():
        plain = isinstance(name, str) and PurePosixPath(name).name == name not in ("", "..")
        if not (plain and isinstance(text, str)):
            raise ValueError(f"texts gives {name!r}: {text!r:.40}, no text under a file's name")
        text.encode()
    if not (isinstance(install, tuple) and all(isinstance(each, str) for each in install)):
        raise ValueError(f"install gives {install!r:.60}, no tuple of texts")


def run(root: Path, params: Params, target: str, out: Path | None = None) -> WrittenSchedule:
    """Write the files of ``target``. Files of the same names are replaced, others stay.

    Parameters
    ----------
    out
        The folder, ``deploy/TARGET`` in the project by default.

    Raises
    ------
    ParamsError
        params.yaml lacks what the target needs, or holds what its files cannot.
    UsageError
        There is no such target; or it runs a file of the clone, and ``out`` is not in the project.
    """
    kind = find_target(root, target)
    folder = root / FOLDER / target if out is None else Path.cwd() / out
    try:
        inside = folder.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        if target == "cron":
            raise UsageError(
                "cron runs a script in the project's clone",
                where="assay deploy --out",
                expected="a folder in the project",
                found=str(out),
            ) from None
        inside = str(folder)
    try:
        made = kind(params, inside)
        texts, install = made.texts(), made.install()
        _check_sound(texts, install)
        written = tuple(f"{inside}/{name}" for name in texts)
        result = WrittenSchedule(target, written, install)
    except (Exception, SystemExit) as error:
        if target in TARGETS or isinstance(error, AssayError):
            raise
        raise PluginError(
            f"the scheduler failed with {type(error).__name__}: {error}",
            where=f"assay deploy --target {target}{source_code.raised_at(error)}",
        ) from None
    for name, text in texts.items():
        path = folder / name
        write_text(path, text)
        if text.startswith("#!"):
            path.chmod(0o755)
    return result
