"""cron's line runs the script as a shell would; the script keeps nights apart and retries."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.ops.deploy.given import NASTY, project, texts

FIELDS = r"(?P<minute>\d+) (?P<hour>\d+) \* \* \* (?P<user>[a-z]+) (?P<command>.+)"


def line_of(crontab: str) -> re.Match[str]:
    (line,) = [each for each in crontab.splitlines() if re.match(r"\d", each)]
    found = re.fullmatch(FIELDS, line)
    assert found
    return found


def as_cron_does(command: str) -> str:
    """cron(8): an unescaped % ends the command, and the backslash before a % is removed."""
    assert "%" not in command.replace("\\%", "")
    return command.replace("\\%", "%")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A project's folder with an `assay` that writes down its arguments and ends as it is told."""
    folder = tmp_path / NASTY.removeprefix("/srv/").replace("/", "_")
    tools = folder / ".venv" / "bin"
    tools.mkdir(parents=True)
    script = (
        '#!/bin/sh\necho "$@" >>calls\ncode=$(head -n 1 codes)\nsed -i 1d codes\nexit "$code"\n'
    )
    (tools / "assay").write_text(script)
    (tools / "assay").chmod(0o755)
    scripts = folder / "deploy" / "cron"
    scripts.mkdir(parents=True)
    for name, text in texts(project(folder=str(folder)), "cron").items():
        (scripts / name).write_text(text)
        (scripts / name).chmod(0o755)
    return folder


def run(folder: Path, *codes: int) -> subprocess.CompletedProcess[str]:
    (folder / "codes").write_text("".join(f"{code}\n" for code in codes))
    (folder / "calls").unlink(missing_ok=True)
    return subprocess.run(
        [folder / "deploy/cron/nightly.sh"],
        env={"PATH": "/usr/bin:/bin", "ASSAY_RETRY_SECONDS": "0"},
        cwd="/",
        capture_output=True,
        text=True,
    )


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_the_line_has_the_time_the_user_and_one_command() -> None:
    found = line_of(texts(project(at="23:05", user="ada"), "cron")["late-flights"])
    assert (found["minute"], found["hour"], found["user"]) == ("5", "23", "ada")
    assert found["command"].startswith("/srv/late-flights/deploy/cron/nightly.sh ")


def test_the_line_runs_the_script_whatever_the_folder_is_called(machine: Path) -> None:
    given = project(folder=str(machine))
    command = as_cron_does(line_of(texts(given, "cron")["late-flights"])["command"])
    (machine / "codes").write_text("0\n")
    # What cron runs: a shell in the user's home, with nearly nothing in its environment.
    logger = machine / "logger"
    logger.write_text("#!/bin/sh\ncat\n")
    logger.chmod(0o755)
    env = {"PATH": f"{machine}:/usr/bin:/bin"}
    subprocess.run(["/bin/sh", "-c", command], cwd="/", env=env, check=True)
    assert calls(machine) == ["nightly --pull"]


@pytest.mark.parametrize("code", [0, 4, 6, 51, 10, 41, 55, 70])
def test_an_answer_and_a_lasting_failure_are_not_tried_again(machine: Path, code: int) -> None:
    assert run(machine, code, 0).returncode == code
    assert len(calls(machine)) == 1


def test_a_passing_failure_is_tried_again_as_often_as_params_say(machine: Path) -> None:
    assert run(machine, 52, 54, 0).returncode == 0
    assert len(calls(machine)) == 3
    assert run(machine, 52, 52, 25, 0).returncode == 25
    assert len(calls(machine)) == 3


def test_a_held_night_after_a_retry_ends_it(machine: Path) -> None:
    assert run(machine, 52, 51, 0).returncode == 51


def test_a_call_that_finds_another_running_starts_nothing(machine: Path) -> None:
    (machine / ".assay").mkdir()
    with (machine / ".assay" / "nightly.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = run(machine, 0)
    assert done.returncode == 75
    assert "still running" in done.stderr
    assert not (machine / "calls").exists()
    assert run(machine, 0).returncode == 0


def test_a_call_that_never_ends_is_ended(machine: Path) -> None:
    script = machine / "deploy/cron/nightly.sh"
    assert "timeout --kill-after=60 14400 assay" in script.read_text()
    script.write_text(script.read_text().replace("14400", "0.2"))
    (machine / ".venv/bin/assay").write_text("#!/bin/sh\nexec cat /dev/zero >/dev/null\n")
    assert run(machine).returncode == 124


def test_the_script_is_sound_sh() -> None:
    text = texts(project(folder=NASTY), "cron")["nightly.sh"]
    subprocess.run(["/bin/sh", "-n"], input=text, text=True, check=True, env=dict(os.environ))
