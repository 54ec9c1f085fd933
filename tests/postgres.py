"""A real PostgreSQL server on loopback, for tests of what reads from one and writes to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.s3 import free_port

USER = "assay"
PASSWORD = "correct horse"
SETUP = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
RUN = ("-h", "127.0.0.1", "-F")


@dataclass(frozen=True)
class Server:
    port: int

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    @property
    def address(self) -> str:
        """Without the user, who is in the environment."""
        return f"postgresql://127.0.0.1:{self.port}/postgres"


def missing() -> str:
    """Why there can be no server here; empty if there can."""
    if _programs() is None:
        return "PostgreSQL is not installed (Debian: postgresql)"
    if os.geteuid() == 0 and not _account():
        return "PostgreSQL refuses to run as root, and there is no user postgres"
    return ""


@contextmanager
def serving() -> Iterator[Server]:
    """A server of its own that lives as long as the block; it asks for the password."""
    programs = _programs()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="assay-pg-"))
    account = _account() if os.geteuid() == 0 else None
    server = None
    try:
        secret = folder / "secret"
        secret.write_text(PASSWORD, encoding="utf-8")
        if account is not None:
            shutil.chown(folder, account)
            shutil.chown(secret, account)
        data = folder / "data"
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", USER, "--pwfile", secret, *SETUP],
            user=account,
            cwd=folder,
            check=True,
            capture_output=True,
        )
        made = Server(free_port())
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", folder, "-p", str(made.port), *RUN],
                user=account,
                cwd=folder,
                stdout=log,
                stderr=log,
            )
        for _ in range(150):
            ready = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(made.port), "-q"]
            if subprocess.run(ready).returncode == 0:
                break
            assert server.poll() is None, (folder / "log").read_text(encoding="utf-8")
            time.sleep(0.1)
        yield made
    finally:
        if server is not None:
            server.terminate()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def running_postgres() -> Iterator[Server]:
    with serving() as made:
        yield made


@pytest.fixture
def server(running_postgres: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server without a table, and the environment of somebody who may ask it."""
    import psycopg

    monkeypatch.setenv("PGUSER", USER)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    with psycopg.connect(running_postgres.url) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return running_postgres


def _programs() -> Path | None:
    """The folder of the newest server's programs."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    if found:
        return found[-1].parent
    command = shutil.which("initdb")
    return None if command is None else Path(command).resolve().parent


def _account() -> str | None:
    import pwd

    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return None
