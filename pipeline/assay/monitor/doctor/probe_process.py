"""One check in a process of its own: it can hang, crash or be killed, and ends no other check.

``python -m assay.monitor.doctor.probe_process NAME FILE`` writes the finding to FILE as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from assay.monitor.doctor.finding import Finding
from assay.project import jsonfile
from assay.project.processes import python_command

MODULE = "assay.monitor.doctor.probe_process"


class ProbeProcesses:
    """Starts checks, and can end all that are at work."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._running: set[int] = set()
        self._ended = False
        self._lock = threading.Lock()

    def run(self, name: str, seconds: float) -> Finding:
        """The finding of a check, whatever becomes of its process.

        Parameters
        ----------
        seconds
            After which the process and its children are killed.
        """
        with tempfile.TemporaryDirectory(prefix="assay-doctor-") as scratch:
            target = Path(scratch) / "finding.json"
            command = python_command(MODULE, name, str(target))
            with tempfile.TemporaryFile() as said:
                process = self._start(command, said.fileno())
                try:
                    process.wait(seconds)
                except subprocess.TimeoutExpired:
                    return Finding(
                        name,
                        "failed",
                        f"no answer within {seconds:g} s",
                        "check the network and what the check asks, or give it more time: "
                        f"assay doctor --only {name} --seconds {seconds * 5:g}",
                    )
                finally:
                    self._kill(process)
                said.seek(0)
                words = said.read().decode(errors="replace").strip().splitlines()
            try:
                return Finding(**json.loads(target.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError):
                how = f"exit code {process.returncode}"
                last = f": {words[-1]}" if words else ""
                return Finding(name, "broken", f"the check itself ended with {how}{last}", AGAIN)

    def end(self) -> None:
        """Kill all that are at work, and start no more."""
        with self._lock:
            self._ended = True
            for group in self._running:
                _kill_group(group)

    def _start(self, command: list[str], said: int) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._ended:
                raise InterruptedError
            process = subprocess.Popen(
                command,
                cwd=self._root,
                # Of its own session: nothing can ask the terminal for a password.
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
            self._running.add(process.pid)
            return process

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        """End what is left of the process and of its children, such as a JVM."""
        with self._lock:
            _kill_group(process.pid)
            self._running.discard(process.pid)
        process.wait()


AGAIN = "this is a bug in Assay; run again with ASSAY_DEBUG=1 to see where"


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def main(name: str, target: Path) -> None:
    """Run a check in the current folder and write its finding."""
    from assay.monitor.doctor.probes import check

    try:
        found = check(name, Path.cwd())
    except Exception as error:
        if os.environ.get("ASSAY_DEBUG"):
            raise
        words = f"the check itself broke: {type(error).__name__}: {error}"
        found = Finding(name, "broken", words, AGAIN)
    jsonfile.write(target, asdict(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
