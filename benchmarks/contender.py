"""A contender: a process that stays warm between the runs that it is asked for.

Requests and answers are lines of JSON. Nothing is imported here that the environments of
the peers do not have.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
Answer = dict[str, Any]
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
"""Every process here has one core: a library that starts a thread a core would crowd others."""

SPARK_CONF = {"spark.sql.files.maxPartitionBytes": "32m"}
"""What every Spark here is told beside its master: cut a night into as many tasks as there are
files, so that no core waits for the last one. By default there would be two or three tasks."""


class ContenderFailed(Exception):
    """What it was asked for went wrong; says where its output is."""


class Contender:
    """The process, from the side of the benchmark.

    Parameters
    ----------
    module
        Of `benchmarks`, which calls :func:`serve`.
    log
        Where its own output goes.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        log: Path,
        *,
        python: Path | str = sys.executable,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.module, self.log = module, log
        with log.open("wb") as sink:
            self._process = subprocess.Popen(
                [str(python), "-m", f"benchmarks.{module}", *arguments],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                text=True,
            )

    def ask(self, what: str, **values: Any) -> Answer:
        """Have it do something, and wait.

        Raises
        ------
        ContenderFailed
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"do": what, **values}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer: Answer = json.loads(line) if line else {"error": "it ended"}
        if "error" in answer:
            raise ContenderFailed(f"{self.module}: {what}: {answer['error']}; see {self.log}")
        return answer

    def __enter__(self) -> Contender:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def serve(handlers: Mapping[str, Callable[..., Answer]]) -> None:
    """Answer requests until there are no more; from the side of the contender.

    What libraries print goes to standard error, which is the log.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = handlers[request.pop("do")](**request)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}".partition("\n")[0]}
        print(json.dumps(answer), file=answers, flush=True)


def peak_memory(pid: int | str = "self") -> float:
    """The most memory that a process has held, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} does not say how much memory it held")
