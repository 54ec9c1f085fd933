"""Runs a workflow as GitHub would, without Docker and without a network: by act, on this machine.

The workflow is the file that people copy, unchanged. Actions are replaced by the folders in
``stubs/``; checkout is act's own, which gives the job a copy of the work tree and of ``.git``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STUBS = Path(__file__).with_name("stubs")
ACT = Path(sys.executable).with_name("act")
_USES = re.compile(r"uses: ([\w.-]+/([\w.-]+)@[0-9a-f]{40})")
_STEP = re.compile(r"(✅  Success|❌  Failure) - Main (.*?)(?: \[[\d.a-zµ]+\])?$", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Run:
    """A finished run: its exit code, all that was printed, and which steps ended how."""

    code: int
    output: str

    @property
    def failed(self) -> list[str]:
        return [name for mark, name in _STEP.findall(self.output) if "Failure" in mark]

    @property
    def ran(self) -> list[str]:
        return [name for _, name in _STEP.findall(self.output)]


def run(
    folder: Path,
    workflow: str,
    event: str,
    payload: Mapping[str, Any],
    *,
    scratch: Path,
    env: Mapping[str, str],
    token: str,
    actor: str = "ada",
    inputs: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    job: str | None = None,
) -> Run:
    """Run one workflow of the project in ``folder``.

    Parameters
    ----------
    scratch
        Where act keeps its copies; the jobs' folders are below it.
    token
        What the job's token is.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    path = folder / ".github" / "workflows" / f"{workflow}.yml"
    told = scratch / "event.json"
    told.write_text(json.dumps({**payload, **({"inputs": dict(inputs)} if inputs else {})}))
    command = [str(ACT), event, "-W", str(path), "-P", "ubuntu-24.04=-self-hosted"]
    command += ["-P", "macos-15=-self-hosted"]
    command += ["-e", str(told), "--actor", actor, "--no-cache-server", "-s", "GITHUB_TOKEN"]
    for action, name in sorted(set(_USES.findall(path.read_text(encoding="utf-8")))):
        if name != "checkout":
            command += ["--local-repository", f"{action}={STUBS / name}"]
    for flag, given in (("--env", env), ("--input", inputs), ("--var", variables)):
        for name, value in (given or {}).items():
            command += [flag, f"{name}={value}"]
    if job:
        command += ["--job", job]
    around = {name: value for name, value in os.environ.items() if not _foreign(name)}
    done = subprocess.run(
        command,
        cwd=folder,
        env={
            **around,
            "PATH": f"{STUBS / 'bin'}{os.pathsep}{around['PATH']}",
            "XDG_CACHE_HOME": str(scratch),
            "GITHUB_TOKEN": token,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Run(done.returncode, _COLOUR.sub("", done.stdout))


def _foreign(name: str) -> bool:
    """What a runner of GitHub would not have, or act would take for a sign of Docker."""
    return name.startswith(("GITHUB_", "GIT_", "PYTEST_", "DOCKER_", "CI_"))
