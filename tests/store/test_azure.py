"""A store in Azure: where Arrow asks for a token, and what delta-rs sends."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pyarrow.fs as pafs
import pytest

from assay.store.delta.location import filesystem

STORE = "abfss://box@flights.dfs.core.windows.net/store/day=2013%2D07%2D01"


def test_an_address_is_a_container_of_an_account_as_the_job_s_identity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DEFAULT_IDENTITY_CLIENT_ID", raising=False)
    system, path = filesystem(STORE)
    # The folder is named with the escapes, as in every other store.
    assert path == "box/store/day=2013%2D07%2D01"
    assert system.equals(pafs.AzureFileSystem("flights"))
    monkeypatch.setenv("DEFAULT_IDENTITY_CLIENT_ID", "nights")
    system, _ = filesystem(STORE)
    assert system.equals(pafs.AzureFileSystem("flights", client_id="nights"))
    assert not system.equals(pafs.AzureFileSystem("flights"))


class Seen(BaseHTTPRequestHandler):
    """Answers every request with a token, or that there is nothing."""

    asked: ClassVar[list[tuple[str, str | None, str | None]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["secret"], self.headers["Authorization"]))
        token = b'{"access_token": "t0", "expires_on": "4102444800", "token_type": "Bearer"}'
        body = token if self.path.startswith("/msi") else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Seen.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Seen) as made:
        threading.Thread(target=made.serve_forever).start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()


def run(code: str, environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-c", code], env=environment, timeout=60, check=False)


def test_arrow_asks_where_azure_ml_gives_tokens(server: str) -> None:
    code = (
        "import pyarrow.fs as f; at = '127.0.0.1:1'; f.AzureFileSystem('flights', "
        "blob_storage_authority=at, dfs_storage_authority=at, client_id='nights')"
        ".get_file_info('box/x')"
    )
    run(code, {"MSI_ENDPOINT": f"{server}/msi", "MSI_SECRET": "of the machine"})
    path, secret, _ = Seen.asked[0]
    assert "clientid=nights" in path and "resource=https%3A%2F%2Fstorage.azure.com" in path
    assert secret == "of the machine"


def test_delta_rs_sends_the_token_of_the_entry_point(server: str) -> None:
    code = f"from deltalake import DeltaTable; DeltaTable({STORE!r})"
    tell = {"AZURE_STORAGE_TOKEN": "t0", "AZURE_ENDPOINT": server, "AZURE_ALLOW_HTTP": "true"}
    run(code, tell)
    assert {authorized for _, _, authorized in Seen.asked} == {"Bearer t0"}
