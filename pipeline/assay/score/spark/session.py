"""Starts Spark: quiet, offline, with any suitable Java, and its files under ``.assay``."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import assay
from assay.errors import SparkFailed
from assay.project import layout
from assay.project.params import Params
from assay.project.processes import set_variables
from assay.score.inputs.formats import format_of
from assay.score.spark.java import java_home

if TYPE_CHECKING:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

JAVA_OPTIONS = "spark.driver.extraJavaOptions"
LOG_LIMIT = 1_000_000
"""Size in bytes above which the log of earlier sessions is rotated."""

_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
"""glibc settings in bytes, which limit how much freed memory a worker keeps."""

_LOGGING = """\
# Written by Assay: warnings and errors only, to the file that Assay gives as standard error.
rootLogger.level = warn
rootLogger.appenderRef.err.ref = err
appender.err.type = Console
appender.err.name = err
appender.err.target = SYSTEM_ERR
appender.err.layout.type = PatternLayout
appender.err.layout.pattern = %d{yyyy-MM-dd HH:mm:ss} %p %c{1}: %m%n%ex
"""

_NOISE = re.compile(
    r"^\s|^WARNING: | WARN |^Caused by: |^Error: (Could not create|A fatal exception)"
    r"|^Error occurred during initialization"
)
_PREFIX = re.compile(r'^(\d{4}-\S+ \S+ ERROR \S+ |Exception in thread "\w+" |: )')


def session(params: Params, root: Path) -> SparkSession:
    """A Spark session as configured in params.yaml; the running one, if there is one.

    The JVM's output goes to ``.assay/spark/spark.log``, not to the terminal. Under spark-submit the
    JVM already runs, and options of spark-submit take precedence over params.yaml.

    Parameters
    ----------
    root
        The project's root. Spark's temporary files go under its ``.assay``.

    Raises
    ------
    SparkFailed
        If Spark does not start; states the reason.
    """
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]
    from pyspark import SparkContext
    from pyspark.errors import PySparkException
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    running = SparkContext._active_spark_context
    if running is not None:
        return _quiet(SparkSession.builder.getOrCreate())
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    scratch = _scratch(root)
    asked = _asked(params, submitted)
    settings = _settings(params, asked, root.resolve(), scratch)
    environment = _environment(asked)
    if not submitted and SparkContext._gateway is None:
        environment["JAVA_HOME"] = str(java_home(root.resolve() / layout.WORK))
    with _log(scratch) as (log, start), set_variables(environment):
        try:
            if SparkContext._gateway is None:
                # Our own launch, because pyspark's cannot redirect output.
                streams = None if submitted else {"stdout": log, "stderr": log}
                gateway = launch_gateway(  # type: ignore[no-untyped-call]
                    _conf(settings, submitted), streams
                )
                SparkContext._ensure_initialized(gateway=gateway)
            built = SparkSession.builder.config(conf=_conf(settings, submitted)).getOrCreate()
        except (PySparkException, Py4JError, OSError, ValueError) as error:
            raise _not_started(error, Path(log.name), start, asked["spark.master"]) from None
    return _quiet(built)


class BackgroundSession:
    """A session that starts in the background while the command continues, or when requested.

    An error on start is raised when the session is requested.
    """

    def __init__(self, params: Params, root: Path) -> None:
        self._params, self._root = params, root
        self._started: SparkSession | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="spark")

    def start(self) -> None:
        """Start the session in the background; to be called once, and before it is requested."""
        self._thread.start()

    def _run(self) -> None:
        try:
            self._started = session(self._params, self._root)
        except BaseException as error:
            self._error = error

    def session(self) -> SparkSession:
        """The session, started now if it was not yet, once it runs.

        Raises
        ------
        JavaMissing, SparkFailed
            As :func:`session`.
        """
        if self._thread.ident is None:
            self._thread.start()
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._started is not None
        return self._started

    def stop(self) -> None:
        """Stop the session if it was started, even if nobody requested it."""
        if self._thread.ident is not None:
            self._thread.join()
        if self._started is not None:
            self._started.stop()


def _quiet(session: SparkSession) -> SparkSession:
    session.sparkContext.setLogLevel("WARN")
    return session


def _conf(settings: Mapping[str, str], submitted: bool) -> SparkConf:
    from pyspark import SparkConf

    # With a running JVM, this starts from earlier options: those of spark-submit, which stay, or
    # those of an earlier session of this process, which do not.
    conf = SparkConf()
    for name, value in settings.items():
        if not (submitted and conf.contains(name)):
            conf.set(name, value)
    return conf


def _asked(params: Params, submitted: bool) -> dict[str, str]:
    """The configured Spark options: params.yaml, overridden by spark-submit."""
    from pyspark import SparkContext

    asked = {"spark.master": params.spark.master, **params.spark.conf}
    if submitted:
        SparkContext._ensure_initialized()
        asked |= dict(_conf({}, submitted).getAll())
    return asked


def _is_local(asked: Mapping[str, str]) -> bool:
    return asked["spark.master"].startswith("local")


def _settings(
    params: Params, asked: Mapping[str, str], root: Path, scratch: Path
) -> dict[str, str]:
    """Every Spark setting: Assay's defaults, overridden by the configured options."""
    own = {
        "spark.app.name": f"assay {params.name}",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(params.score.batch_rows),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
    }
    # Each task has one core: a library with one thread per core would oversubscribe the machine.
    for library in ("OMP", "OPENBLAS", "MKL"):
        own[f"spark.executorEnv.{library}_NUM_THREADS"] = "1"
    # By default glibc returns each batch's memory to the system and requests it again, page by
    # page. That took longer than reading the rows.
    own |= {f"spark.executorEnv.{name}": value for name, value in _ALLOCATOR.items()}
    # Otherwise a worker would import a file of that name from its current folder.
    own["spark.executorEnv.PYTHONSAFEPATH"] = "1"
    if _is_local(asked):
        own["spark.driver.host"] = own["spark.driver.bindAddress"] = "127.0.0.1"
        own["spark.executorEnv.PYTHONPATH"] = _worker_path()
    user = dict(asked)
    options = [
        *_compiler(params),
        _quoted(f"-Dderby.system.home={scratch / 'derby'}"),
        _quoted(f"-Dlog4j2.configurationFile={(scratch / 'log4j2.properties').as_uri()}"),
    ]
    # Options are concatenated, and the JVM uses the last of a kind, so the user's come last.
    own[JAVA_OPTIONS] = " ".join([*options, user.pop(JAVA_OPTIONS, "")]).strip()
    return own | user


def _compiler(params: Params) -> list[str]:
    """If the JVM only distributes files, its work is short: compile fast rather than well."""
    asked = format_of(params.score.input).by_spark
    return [] if asked else ["-XX:TieredStopAtLevel=1"]


def _quoted(option: str) -> str:
    """Quoted for Spark's launcher, which splits options at spaces outside double quotes."""
    escaped = option.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _worker_path() -> str:
    """What local workers need on their path: this package, if it is not installed.

    The project's own modules come with each job, from the promoted commit.
    """
    ours = Path(assay.__path__[0]).resolve().parent
    installed = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    return "" if ours in installed else str(ours)


def _environment(asked: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for the launch only."""
    local = _is_local(asked)
    python = asked.get("spark.pyspark.python")
    if python is None:
        # A cluster may have its own Python, set in the environment; locally use the driver's.
        python = sys.executable if local else os.environ.get("PYSPARK_PYTHON", sys.executable)
    environment = {"PYSPARK_PYTHON": python}
    if local:
        # Otherwise Spark resolves the machine's own name, which does not work on every machine.
        environment["SPARK_LOCAL_IP"] = "127.0.0.1"
    return environment


def _scratch(root: Path) -> Path:
    scratch = root.resolve() / layout.WORK / "spark"
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        (scratch / "log4j2.properties").write_text(_LOGGING, encoding="utf-8")
    except OSError as error:
        raise SparkFailed("cannot be written", where=str(scratch), found=str(error)) from None
    return scratch


@contextmanager
def _log(scratch: Path) -> Iterator[tuple[IO[bytes], int]]:
    """The file for the JVM's output, and its length before this session."""
    path = scratch / "spark.log"
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_suffix(".log.1"))
    with path.open("ab") as log:
        yield log, path.stat().st_size


def _not_started(error: Exception, log: Path, start: int, master: str) -> SparkFailed:
    """The error with the most informative line of the JVM's output, or of the exception."""
    with log.open("rb") as file:
        file.seek(start)
        output = file.read().decode(errors="replace").splitlines()
    texts = [line.strip() for line in output if not _NOISE.search(line)]
    telling = [line for line in texts if " ERROR " in line or "Exception in thread" in line]
    own = [line.strip() for line in str(error).splitlines()]
    if "JAVA_GATEWAY_EXITED" in str(error):
        own = texts + own
    else:
        own = [line for line in own if "Exception: " in line] + own
    cause = next((line for line in [*telling, *own] if line), type(error).__name__)
    return SparkFailed(
        "Spark did not start",
        where=f"spark.master {master}",
        found=_PREFIX.sub("", cause)[:300],
        fix=f"Everything it said is in {log}",
    )
