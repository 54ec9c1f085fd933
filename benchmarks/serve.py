"""How many single rows a second `assay serve` answers, and how late; and so of two peers.

    python -m benchmarks.serve --seconds 8

200 connections, each of which asks for one row at a time; histogram boosting of 100 trees on the
parcels of the tests, the same model and the same rows for a plain FastAPI application with
scikit-learn and for mlflow's scoring server, which both do without a contract. First the answers
are compared. Servers take turns, one at a time, on the cores that the load is made on too. Writes
reports/benchmarks/serve.md (three minutes; the peers' environment takes 1.5 GB once).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pickle
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import uvloop

import assay
from assay.project import layout
from benchmarks import peer_env
from benchmarks.contender import ONE_THREAD, ROOT
from benchmarks.measure import say
from benchmarks.serve_peer import frame_of
from tests import projects

PAGE = ROOT / "reports/benchmarks/serve.md"
CONNECTIONS = 200
NIGHT = "2024-03-01"
BOOSTING = """    boosting:
      class: sklearn.ensemble.HistGradientBoostingClassifier
      args: {max_iter: 100}

leakage:"""


@dataclass(frozen=True)
class Server:
    """How a server is started, asked, and how a probability is read from its answer."""

    name: str
    command: Sequence[str]
    folder: Path
    path: str
    ready: str
    bodies: Sequence[bytes]
    read: Any


@dataclass(frozen=True)
class Load:
    """What came of some seconds: answers, those that were not 200, and milliseconds of each."""

    rate: float
    odd: int
    p50: float
    p99: float


def project(folder: Path) -> Path:
    """The parcels project with a boosting in use; it is made once."""
    if not (folder / layout.WORK).exists():
        shutil.rmtree(folder, ignore_errors=True)
        source = folder.with_name("source")
        shutil.rmtree(source, ignore_errors=True)
        shutil.copytree(projects.PARCELS, source)
        text = (source / layout.PARAMS).read_text()
        head, _, rest = text.partition("    prior:\n")
        changed = head + BOOSTING + rest.partition("leakage:")[2]
        changed = changed.replace("calibration: sigmoid", "calibration: none")
        (source / layout.PARAMS).write_text(changed)
        projects.PARCELS = source
        projects.promoted(folder)
    return folder


def rows_of(root: Path) -> list[dict[str, Any]]:
    table = pq.read_table(root / layout.RAW / f"day={NIGHT}" / "part-00000.parquet")
    found: list[dict[str, Any]] = json.loads(json.dumps(table.to_pylist(), default=str))
    return found


@contextmanager
def started(server: Server, port: int) -> Iterator[None]:
    command = [each.format(port=port) for each in server.command]
    # One thread a library is what peers are fastest with; mlflow starts the uvicorn that it finds.
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            cwd=server.folder,
            env={**os.environ, **ONE_THREAD, "PATH": path},
            stdout=log,
            stderr=log,
        )
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}{server.ready}").close()
                    break
                except OSError:
                    if process.poll() is not None:
                        log.seek(0)
                        raise SystemExit(log.read().decode()) from None
                    time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait()


class Client(asyncio.Protocol):
    """One connection, which asks again as soon as it is answered."""

    def __init__(self, requests: Sequence[bytes], first: int, load: LoadMade) -> None:
        self.requests, self.next, self.load = requests, first, load
        self.received = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.transport.write(self.requests[self.next % len(self.requests)])
        self.next, self.asked = self.next + 1, time.perf_counter()

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().partition(b"content-length:")[2].split()[0]):
            return
        self.load.answered(self.received[9:12] == b"200", time.perf_counter() - self.asked)
        self.received = b""
        self.ask()


class LoadMade:
    """What the connections saw, but for the time to get warm."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.odd, self.counts = 0, False

    def answered(self, fine: bool, seconds: float) -> None:
        if self.counts:
            self.odd += not fine
            self.seconds.append(seconds)


def load(server: Server, port: int, seconds: float) -> Load:
    head = f"POST {server.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    asked = [
        head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body for body in server.bodies
    ]
    made = LoadMade()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        opened = [
            await loop.create_connection(
                lambda first=number: Client(asked, first, made), "127.0.0.1", port
            )
            for number in range(CONNECTIONS)
        ]
        await asyncio.sleep(seconds / 4)
        made.counts = True
        await asyncio.sleep(seconds)
        made.counts = False
        for transport, _ in opened:
            transport.close()

    uvloop.run(run())
    cuts = statistics.quantiles(made.seconds, n=100)
    return Load(len(made.seconds) / seconds, made.odd, cuts[49] * 1e3, cuts[98] * 1e3)


def post(server: Server, port: int, body: bytes) -> float:
    url = f"http://127.0.0.1:{port}{server.path}"
    asked = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(asked) as told:
        return float(server.read(json.load(told)))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def servers(root: Path, work: Path, rows: Sequence[Mapping[str, Any]]) -> list[Server]:
    model, peers = work / "model.pkl", peer_env.servers(work / "peers")
    pipeline = assay.version(root=root)._pinned.bundle.model.estimator
    model.write_bytes(pickle.dumps(pipeline))
    shutil.rmtree(work / "mlflow", ignore_errors=True)
    peer = [str(peers), str(ROOT / "benchmarks" / "serve_peer.py")]
    subprocess.run([*peer, "mlflow", str(model), str(work / "mlflow")], check=True)
    features = [frame_of([dict(row)]).to_dict("records")[0] for row in rows]
    # As json has no NaN.
    features = [{k: None if v != v else v for k, v in each.items()} for each in features]
    plain = [json.dumps({name: row[name] for name in features[0]}).encode() for row in rows]
    tables = [json.dumps({"dataframe_records": [each]}).encode() for each in features]
    mlflow = [str(peers.with_name("mlflow")), "models", "serve", "--env-manager", "local"]
    return [
        Server(
            "assay serve",
            [sys.executable, "-m", "assay.cli", "serve", "--port", "{port}"],
            root,
            "/score",
            "/health",
            [json.dumps(row).encode() for row in rows],
            lambda told: told["rows"][0]["probability"],
        ),
        Server(
            "FastAPI with scikit-learn",
            [*peer, "fastapi", str(model), "{port}"],
            work,
            "/score",
            "/docs",
            plain,
            lambda told: told["probability"],
        ),
        Server(
            f"mlflow {peer_env.MLFLOW} models serve",
            [*mlflow, "--model-uri", str(work / "mlflow"), "--port", "{port}"],
            work,
            "/invocations",
            "/ping",
            tables,
            lambda told: told["predictions"][0][1],
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench" / "serve")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    root = project(given.work / "parcels")
    rows = rows_of(root)
    compared = servers(root, given.work, rows)
    found: dict[str, list[Load]] = {each.name: [] for each in compared}
    answers: dict[str, list[float]] = {}
    for turn in range(given.turns):
        for server in compared if turn % 2 == 0 else compared[::-1]:
            port = free_port()
            with started(server, port):
                if not turn:
                    answers[server.name] = [post(server, port, body) for body in server.bodies]
                one = load(server, port, given.seconds)
            assert not one.odd, f"{server.name}: {one.odd} answers were not 200"
            found[server.name].append(one)
            say(f"{server.name}: {one.rate:,.0f} rows/s, p50 {one.p50:.1f}, p99 {one.p99:.1f} ms")
    ours = answers["assay serve"]
    largest = max(abs(a - b) for each in answers.values() for a, b in zip(ours, each, strict=True))
    assert largest <= 1e-12, f"the answers differ by {largest}"
    lines = [
        "# Single rows over HTTP",
        "",
        f"{date.today()}, {os.cpu_count()} cores, which the load was made on too; {CONNECTIONS} "
        f"connections, one row a request, {given.turns} turns of {given.seconds:g} s; medians. "
        f"{len(rows)} rows were answered alike (within {largest:.1g}).",
        "",
        "| | rows/s | p50, ms | p99, ms |",
        "|---|---|---|---|",
    ]
    for name, loads in found.items():
        rate, p50, p99 = (
            statistics.median(getattr(each, of) for each in loads) for of in ("rate", "p50", "p99")
        )
        lines.append(f"| {name} | {rate:,.0f} | {p50:.1f} | {p99:.1f} |")
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n".join([*lines, ""]), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
