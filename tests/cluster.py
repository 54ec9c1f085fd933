"""A Spark standalone cluster as processes on loopback, for tests and benchmarks.

Its workers know nothing of this repository or of the environment that runs the tests: which Python
their executors start comes with the job.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyspark

from assay.score.spark.java import java_home

LOOPBACK = "127.0.0.1"
SPARK_HOME = Path(pyspark.__file__).parent
PATIENCE = 120.0
"""Seconds for a daemon to come up; far more than it takes on a busy machine."""
LIGHT = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""For a JVM that lives for seconds: neither compile well nor start a thread a core."""

T = TypeVar("T")


@dataclass(frozen=True)
class Worker:
    """One machine of the cluster; ``folder`` is where its executors work."""

    process: subprocess.Popen[bytes]
    folder: Path

    def kill(self) -> None:
        """End it as a power cut would: itself, its executor, its Python, with no farewell."""
        _end(self.process, signal.SIGKILL)


@dataclass(frozen=True)
class Cluster:
    """A running cluster. ``url`` is what `spark.master` takes, ``page`` the master's own."""

    url: str
    page: str
    workers: tuple[Worker, ...]

    @property
    def conf(self) -> dict[str, str]:
        """What a driver on this machine has to be told: stay on loopback."""
        return {"spark.driver.host": LOOPBACK, "spark.driver.bindAddress": LOOPBACK}

    def state(self) -> dict[str, Any]:
        """What the master says of its workers and applications."""
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f"{self.page}/json/", timeout=10) as answer:
            said: dict[str, Any] = json.load(answer)
        return said

    def alive(self) -> int:
        """Workers that the master counts on."""
        return int(self.state()["aliveworkers"])


@contextmanager
def cluster(
    folder: Path, workers: int = 2, cores: int = 1, memory: str = "1g"
) -> Iterator[Cluster]:
    """Start a master and its workers, wait until they know each other, stop them at the end.

    Parameters
    ----------
    folder
        For logs, the workers' scratch and the script that starts Java; may not exist yet.
    cores, memory
        Of each worker.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = _environment(folder)
    with ExitStack() as at_the_end:

        def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
            log = at_the_end.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                [str(SPARK_HOME / "bin" / "spark-class"), *arguments],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A session of its own: all that it starts can be found, and ended with it.
                start_new_session=True,
            )
            at_the_end.callback(_end, process, signal.SIGTERM)
            return process

        deploy = "org.apache.spark.deploy"
        bound = ("--host", LOOPBACK, "--port", "0", "--webui-port", "0")
        master = start("master", f"{deploy}.master.Master", *bound)
        log = folder / "master.log"
        url = _said(master, log, r"Starting Spark master at (spark://\S+)")
        page = _said(master, log, r"MasterWebUI.* started at (http://\S+)")
        started = []
        for number in range(workers):
            place = folder / f"worker-{number}"
            options = ("--cores", str(cores), "--memory", memory, "--work-dir", str(place))
            process = start(place.name, f"{deploy}.worker.Worker", *bound, *options, url)
            started.append(Worker(process, place))
        running = Cluster(url, page, tuple(started))
        _wait(lambda: running.alive() == workers, f"{workers} workers, see {folder}")
        yield running
    for each in started:
        shutil.rmtree(each.folder, ignore_errors=True)


def _environment(folder: Path) -> dict[str, str]:
    """Only what a machine with Spark, Java and a bare Python has."""
    paths = [str(Path(sys.base_prefix) / "bin"), "/usr/local/bin", "/usr/bin", "/bin"]
    return {
        "PATH": os.pathsep.join(paths),
        "HOME": str(folder),
        "JAVA_HOME": str(java_home(folder)),
        "SPARK_HOME": str(SPARK_HOME),
        "SPARK_LOCAL_IP": LOOPBACK,
        "SPARK_DAEMON_JAVA_OPTS": LIGHT,
        "SPARK_DAEMON_MEMORY": "256m",
    }


def _said(process: subprocess.Popen[bytes], log: Path, pattern: str) -> str:
    """What a daemon says of itself in its log, as soon as it does."""

    def found() -> re.Match[str] | None:
        assert process.poll() is None, f"it ended:\n{log.read_text(errors='replace')[-2000:]}"
        return re.search(pattern, log.read_text(errors="replace"))

    match = _wait(found, f"{pattern!r} in {log}")
    assert match is not None
    return match[1]


def _wait(question: Callable[[], T], what: str) -> T:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {PATIENCE:.0f} s: {what}")


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """End a daemon and whatever is left of what it started."""
    process.send_signal(how)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in _session(process.pid):
        with suppress(ProcessLookupError):  # it may have ended by itself just now
            os.kill(pid, signal.SIGKILL)


def _session(leader: int) -> list[int]:
    """Processes of the session that ``leader`` began. Spark's Python leaves its group, not this."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue  # it ended meanwhile
            # After the command's name, which may hold spaces: state, parent, group, session.
            if int(stat.rpartition(")")[2].split()[3]) == leader:
                found.append(int(entry.name))
    return found
