"""What AWS Lambda gives a function: the Runtime API on loopback, and events of a bucket."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from assay.store.delta.location import filesystem

NIGHT, NEXT = "2024-03-01", "2024-03-02"
BUCKET = "parcels"
KEY = f"raw/day={NIGHT}/part-00000.parquet"


def put(key: str, data: bytes | None) -> None:
    """An object, or none at all."""
    system, path = filesystem(f"s3://{BUCKET}/{key}")
    if data is None:
        system.delete_file(path)
        return
    with system.open_output_stream(path) as out:
        out.write(data)


def landed(key: str = KEY, name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """The event that S3 sends."""
    s3_part = {"bucket": {"name": BUCKET}, "object": {"key": key.replace("=", "%3D")}}
    return {"Records": [{"eventSource": "aws:s3", "eventName": name, "s3": s3_part}]}


class Runtime:
    """The Runtime API, which gives a function its events and takes its answers."""

    def __init__(self) -> None:
        self.events: queue.Queue[Mapping[str, Any]] = queue.Queue()
        self.answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.asked, self.taken = threading.Event(), threading.Event()
        runtime = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                runtime.asked.set()
                body = json.dumps(runtime.events.get()).encode()
                runtime.taken.set()
                self.send_response(200)
                for name, value in {
                    "Content-Type": "application/json",
                    "Lambda-Runtime-Aws-Request-Id": "one",
                    "Lambda-Runtime-Trace-Id": "Root=1",
                    "Lambda-Runtime-Deadline-Ms": "9999999999999",
                    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:x:1:function:f",
                    "Content-Length": str(len(body)),
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                runtime.answers.put((self.path.rpartition("/")[2], json.loads(body)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def place(self) -> str:
        """Its host and port, which a function's process knows as AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @contextmanager
    def function(self, root: Path) -> Iterator[subprocess.Popen[bytes]]:
        """A process as Lambda starts it."""
        process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", "assay.serve.function.handler"],
            cwd=root,
            env={**os.environ, "AWS_LAMBDA_RUNTIME_API": self.place},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
