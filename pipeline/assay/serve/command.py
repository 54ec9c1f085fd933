"""`assay serve`: answers requests with the version that holds a stage, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assay.errors import UsageError
from assay.project.params import Params

TOKEN = "ASSAY_SERVE_TOKEN"
GRACE = 30
"""Seconds that requests have to end once the server is stopped."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServeOptions:
    """Where to listen, who may ask, and how much.

    Attributes
    ----------
    token_file
        A file with the token, which else is in the variable `TOKEN`.
    certificate, key, client_ca
        Files of PEM: for TLS, and what clients' certificates must be signed by.
    megabytes
        Of the largest body.
    count
        Count what is served into the store's nights.
    """

    host: str
    port: int
    token_file: Path | None
    certificate: Path | None
    key: Path | None
    client_ca: Path | None
    megabytes: int
    rate: int | None
    count: bool = False


def run(
    root: Path,
    params: Params,
    wanted: str | None,
    options: ServeOptions,
    show: Callable[[object], None],
) -> None:
    """Answer requests until SIGTERM or Ctrl-C, then end those that were begun.

    Raises
    ------
    UsageError
        The address is taken, a file cannot be read, or anybody could ask from elsewhere.
    AssayError
        There is no version that can score.
    ExtraMissing
        uvicorn is not installed.
    """
    import uvicorn

    from assay.serve.app import Service
    from assay.serve.counts import EVERY, ServedCounts
    from assay.serve.current import LOOK, CurrentVersion

    if not 0 <= options.port < 1 << 16:
        raise UsageError("no port", where=f"--port {options.port}", expected="from 0 to 65535")
    token = _token(options)
    current = CurrentVersion(root, params, wanted)
    counts = ServedCounts(root, params) if options.count else None
    service = Service(current, token, options.megabytes * 1_000_000, options.rate, counts)
    config = uvicorn.Config(
        service,
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=GRACE,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
        ssl_ca_certs=options.client_ca,
        ssl_cert_reqs=ssl.CERT_REQUIRED if options.client_ca else ssl.CERT_NONE,
    )
    try:
        config.load()
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        address = (options.host, options.port)
        listening = socket.create_server(address, family=family, backlog=2048)
    except OSError as error:
        raise UsageError(
            "cannot be served",
            where="assay serve",
            expected="an address that is free, and for TLS a certificate, its key, and those that "
            "signed the clients' own, as PEM",
            found=str(error),
        ) from None

    async def again(seconds: float, work: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(seconds)
            await asyncio.to_thread(work)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(service.work()) for _ in range(current.scorer.threads)]
        tasks.append(loop.create_task(again(LOOK, current.look)))
        if counts is not None:
            tasks.append(loop.create_task(again(EVERY, counts.keep)))
        host, port = listening.getsockname()[:2]
        version, bundle = current.identity
        scheme = "https" if options.certificate else "http"
        url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/score"
        show({"version": version, "bundle": bundle, "url": url})
        try:
            await server.serve(sockets=[listening])
        finally:
            for task in tasks:
                task.cancel()
            if counts is not None:
                counts.keep(ended=True)

    # uvicorn has a handler of its own meanwhile, and raises the signal once more at its end.
    server = uvicorn.Server(config)
    before = signal.signal(signal.SIGTERM, lambda *_: setattr(server, "should_exit", True))
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(serve())
    finally:
        signal.signal(signal.SIGTERM, before)
    _LOG.info("serve: stopped")


def _token(options: ServeOptions) -> str | None:
    """The token that is asked for.

    Raises
    ------
    UsageError
        It cannot be read or is easily guessed; there is none, and anybody could ask.
    """
    token = os.environ.get(TOKEN)
    if options.token_file is not None:
        try:
            token = options.token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError("cannot be read", where="--token-file", found=str(error)) from None
    if token is not None and len(token) < 16:
        raise UsageError("a token that can be guessed", expected="at least 16 characters")
    if (options.key or options.client_ca) and not options.certificate:
        raise UsageError("--key and --client-ca need --certificate", where="assay serve")
    if not token and not options.client_ca and options.host not in ("127.0.0.1", "::1"):
        raise UsageError(
            "anybody who reaches this address could ask",
            where=f"--host {options.host}",
            expected=f"a token ({TOKEN} or --token-file), or --client-ca",
            fix="Without either, serve on 127.0.0.1.",
        )
    return token
