"""`assay serve` as a process, over sockets."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from assay import api
from assay.errors import UsageError
from assay.project import params
from assay.serve import command
from tests.projects import ROOT

DOCS = ROOT / "docs" / "serve.md"
TOKEN = "0123456789abcdef"


@contextmanager
def serving(root: Path, *options: str, **env: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server's process, and the address of its scores."""
    process = subprocess.Popen(
        [sys.executable, "-m", "assay.cli", "serve", "--port", "0", "--json", *options],
        cwd=root,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            assert line, text
            text += line
        yield process, json.loads(text)["url"]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def post(url: str, body: bytes, context: ssl.SSLContext | None = None, **headers: str) -> Any:
    given = {"content-type": "application/json", **headers}
    asked = urllib.request.Request(url, body, given)
    with urllib.request.urlopen(asked, context=context, timeout=30) as told:
        return json.load(told)


def test_a_stopped_server_ends_what_was_begun(live: Path, records: Any) -> None:
    body = json.dumps(records[0]).encode()
    with serving(live, "--count") as (process, url):
        where = urlsplit(url)
        assert where.hostname
        slow = HTTPConnection(where.hostname, where.port, timeout=30)
        slow.putrequest("POST", where.path)
        slow.putheader("content-type", "application/json")
        slow.putheader("content-length", str(len(body)))
        slow.endheaders(body[:10])
        typed = shlex.split(re.search(r"(?s)\ncurl (.*?)\n```", DOCS.read_text())[1])  # type: ignore[index]
        example = post(f"{url}?{urlsplit(typed[-1]).query}", typed[1].encode())
        (row,) = example["rows"]  # by now the slow one is waited for
        assert typed[0] == "--json" and urlsplit(typed[-1]).path == where.path
        assert row["parcel"] == 41 and len(row["reasons"]) == 2 and 0 < row["probability"] < 1
        process.send_signal(signal.SIGTERM)
        with pytest.raises(OSError):
            while True:  # nobody new is let in
                socket.create_connection((where.hostname, where.port or 0)).close()
        slow.send(body[10:])
        told = slow.getresponse()
        assert told.status == 200 and json.load(told)["version"] == "v0.1.0"
        slow.close()
        assert process.wait(timeout=30) == 0
    runs = api.open_store(live).runs().to_pylist()
    assert [run["rows_scored"] for run in runs] == [2]


def test_a_gigabyte_is_refused_before_it_is_read(promoted: Path, records: Any) -> None:
    with serving(promoted, ASSAY_SERVE_TOKEN=TOKEN) as (_, url):
        where = urlsplit(url)
        assert where.hostname
        large = socket.create_connection((where.hostname, where.port or 0), timeout=30)
        large.sendall(
            b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer " + TOKEN.encode() + b"\r\nContent-Length: 1000000000\r\n\r\n"
        )
        told = b""
        while part := large.recv(4096):
            told += part
        large.close()
        assert told.startswith(b"HTTP/1.1 413 ") and b"16,000,000 bytes" in told
        body = json.dumps(records[0]).encode()
        with pytest.raises(urllib.error.HTTPError, match="401"):
            post(url, body)
        assert post(url, body, authorization=f"Bearer {TOKEN}")["version"] == "v0.1.0"


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate that signs itself, and its key."""
    key, made = folder / f"{name}.key", folder / f"{name}.pem"
    kind = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x"
    names = ("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made))
    subprocess.run(["openssl", "req", *kind.split(), *names], check=True, capture_output=True)
    return made, key


def test_only_clients_with_a_certificate_are_answered(
    promoted: Path, records: Any, tmp_path: Path
) -> None:
    (mine, mine_key), (theirs, theirs_key), (strange, strange_key) = (
        certificate(tmp_path, name) for name in ("server", "client", "stranger")
    )
    options = ("--certificate", str(mine), "--key", str(mine_key), "--client-ca", str(theirs))
    with serving(promoted, "--host", "0.0.0.0", *options) as (_, url):
        url = url.replace("0.0.0.0", "127.0.0.1")
        assert url.startswith("https://")
        context = ssl.create_default_context(cafile=str(mine))
        body = json.dumps(records[0]).encode()
        with pytest.raises((ssl.SSLError, OSError)):
            post(url, body, context)
        context.load_cert_chain(strange, strange_key)
        with pytest.raises((ssl.SSLError, OSError)):
            post(url, body, context)
        context.load_cert_chain(theirs, theirs_key)
        assert post(url, body, context)["version"] == "v0.1.0"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"host": "0.0.0.0"}, "anybody who reaches this address could ask"),
        ({"token_file": "missing"}, "--token-file: cannot be read"),
        ({"token_file": "short"}, "a token that can be guessed"),
        ({"client_ca": "short"}, "--key and --client-ca need --certificate"),
        ({"certificate": "short"}, "cannot be served"),
        ({"host": "256.0.0.1", "token_file": "long"}, "cannot be served"),
        ({"port": 70_000}, "no port"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    promoted: Path, tmp_path: Path, changed: dict[str, Any], why: str
) -> None:
    (tmp_path / "short").write_text("secret\n")
    (tmp_path / "long").write_text(f"{TOKEN}\n")
    files = {"token_file", "certificate", "key", "client_ca"}
    given = {name: tmp_path / each if name in files else each for name, each in changed.items()}
    options = command.ServeOptions(
        **{**dict.fromkeys(files), "host": "127.0.0.1", "port": 0, **given},
        megabytes=1,
        rate=None,
    )
    with pytest.raises(UsageError, match=why):
        command.run(promoted, params.load(promoted), None, options, lambda _: None)


def test_the_address_of_another_is_not_taken(promoted: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        options = command.ServeOptions(
            "127.0.0.1", port, None, None, None, None, megabytes=1, rate=None
        )
        with pytest.raises(UsageError, match="cannot be served"):
            command.run(promoted, params.load(promoted), None, options, lambda _: None)
