"""A webhook on loopback that answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

SECRET = "s3cr3t-token"


@dataclass
class Hook:
    """What it was sent, and what it is to answer: a status, or what to do instead.

    The last of ``answers`` is given again and again.
    """

    answers: list[Any] = field(default_factory=lambda: [200])
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def next(self) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def hangs(handler: BaseHTTPRequestHandler, hook: Hook) -> None:
    hook.stop.wait(30)


def breaks_off(handler: BaseHTTPRequestHandler, hook: Hook) -> None:
    handler.connection.close()


@pytest.fixture
def behaviour() -> dict[str, Callable[..., None]]:
    return {"hangs": hangs, "breaks off": breaks_off}


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.bodies.append(json.loads(body))
            made.headers.append(dict(self.headers))
            made.paths.append(self.path)
            answer = made.next()
            if callable(answer):
                answer(self, made)
                return
            status, more = answer if isinstance(answer, tuple) else (answer, {})
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}/services/{SECRET}?key={SECRET}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    made.stop.set()
    server.shutdown()
    server.server_close()
    thread.join()
