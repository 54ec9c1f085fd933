"""``assay ui``: serve the workspace with Evidently's own server, on loopback by default."""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from assay.errors import UsageError
from assay.monitor.evidently import workspace
from assay.pages.page_layout import suppress_output
from assay.project import extras
from assay.project.params import Params

log = logging.getLogger(__name__)

HOST, PORT = "127.0.0.1", 8000
SECRET = "EVIDENTLY_SECRET"
"""The environment variable from which Evidently reads the secret for changes."""


@dataclass(frozen=True, slots=True)
class ServedDashboard:
    """The dashboard's address, once it is served.

    Attributes
    ----------
    folder
        Of the workspace, with ``nights`` nights.
    alone
        Whether only this machine can reach it.
    """

    url: str
    folder: Path
    nights: int
    alone: bool

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {"schema": 1, "url": self.url, "workspace": self.folder, "nights": self.nights}


def run(
    root: Path,
    params: Params,
    host: str = HOST,
    port: int = PORT,
    ready: Callable[[ServedDashboard], None] = lambda serving: None,
) -> None:
    """Serve the workspace until interrupted.

    Parameters
    ----------
    port
        0 takes a free one.
    ready
        Called once requests are accepted.

    Raises
    ------
    ExtraMissing
        Evidently or its server is not installed.
    UsageError
        There is no workspace, or the address cannot be bound.
    """
    extras.require("evidently", "uvicorn")
    if params.monitor.workspace is None:
        raise UsageError(
            "the workspace is switched off",
            where="params.yaml, monitor.workspace",
            fix="Give it a folder, such as .assay/evidently.",
        )
    folder = root / params.monitor.workspace
    workspace.create_project(folder, params.name)
    with _listening(host, port) as listener:
        alone = _loopback(listener)
        if not alone:
            log.warning(
                "warning: this is not loopback. Whoever reaches this machine can read the "
                "dashboard; nobody can change it without %s",
                SECRET,
            )
        url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        nights = len(list(workspace.runs_folder(folder, params.name).glob("*.json")))
        ready(ServedDashboard(url, folder, nights, alone))
        _serve(folder, listener, alone)


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"nothing can listen there: {error.strerror if isinstance(error, OSError) else error}",
            where=f"{host}, port {port}",
            fix="Take another: assay ui --port 8001.",
        ) from None


def _loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def _serve(folder: Path, listener: socket.socket, alone: bool) -> None:
    with suppress_output():
        import uvicorn

        app = _app(folder, alone)
        config = uvicorn.Config(app, log_level="warning", access_log=False)
    # Ctrl-C is the normal way to stop the server, and no error.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Evidently prints its configuration and that it watches the folder.
    with redirect_stdout(StringIO()), suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _app(folder: Path, alone: bool) -> Any:
    from evidently._pydantic_compat import SecretStr
    from evidently.ui.service.app import create_app
    from evidently.ui.service.components.security import TokenSecurityComponent
    from evidently.ui.service.components.storage import LocalStorageComponent
    from evidently.ui.service.components.telemetry import TelemetryComponent
    from evidently.ui.service.local_service import LocalConfig

    config = LocalConfig(
        storage=LocalStorageComponent(path=str(folder)),
        telemetry=TelemetryComponent(enabled=False),
    )
    secret = os.environ.get(SECRET) or ("" if alone else secrets.token_urlsafe(32))
    if secret:
        config.security = TokenSecurityComponent(token=SecretStr(secret))
    return guard(create_app(config), alone)


HERE = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""Host names by which a browser on this machine may address it."""

Part = Callable[..., Awaitable[None]]


SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""The methods that change nothing (RFC 9110, section 9.2.1)."""


def guard(app: Part, alone: bool) -> Part:
    """Wrap an app to reject what foreign pages ask through the browser of a person here.

    Changes that other sites' pages request (cross-site request forgery): a browser names the page's
    site in the Origin header, and other clients send none. If the app is ``alone`` on this machine,
    also requests with another Host header (DNS rebinding): a foreign page could resolve its own
    name to this machine and read the dashboard.
    """

    async def guarded(scope: dict[str, Any], receive: Part, send: Part) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        elif alone and not _hosts(scope) <= HERE:
            await _refuse(send, 421, b"it is not called that\n")
        elif scope.get("method", "") not in SAFE and not _own(scope):
            await _refuse(send, 403, b"changes are taken from its own pages only\n")
        else:
            await app(scope, receive, send)

    return guarded


def _header(scope: dict[str, Any], name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


def _hosts(scope: dict[str, Any]) -> set[str]:
    """The host names in the request's headers, without ports."""
    hosts = [value.decode("latin-1") for value in _header(scope, b"host")]
    return {re.sub(r":\d*$", "", host).lower() for host in hosts or [""]}


def _own(scope: dict[str, Any]) -> bool:
    """Whether the request comes from the host that it is sent to, by its headers."""
    origins = _header(scope, b"origin")
    if not origins:
        return set(_header(scope, b"sec-fetch-site")) <= {b"same-origin", b"none"}
    host = _header(scope, b"host")
    return all([origin.partition(b"://")[2]] == host for origin in origins)


async def _refuse(send: Part, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
