"""The HTTP of a server: who may ask, how much and how often, and what is answered when.

An ASGI application (https://asgi.readthedocs.io). The event loop reads and writes; rows are scored
by a few threads, and each takes all requests that wait. Nothing waits without a limit: a request
for which there is no room is refused at once, before its body is read.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from assay.model.batch import ScoredBatch
from assay.project.text import counted
from assay.score.table import TableScorer
from assay.serve.counts import ServedCounts
from assay.serve.current import CurrentVersion
from assay.serve.rows import ARROW, JSON, Answer, ScoreRequest, answer_all, failure, refusal

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Headers = Mapping[bytes, bytes]

TOGETHER = 256
"""Requests that are scored together, at most."""
BODIES, OVERHEAD = 8, 16_000
"""How many of the largest bodies may wait at once, and what a request counts besides its bytes."""
SLOWEST = 30.0
"""Seconds within which a body must be here."""
CLIENTS = 10_000
"""Of which the rate is remembered."""


class Refused(Exception):
    """A request that is not scored."""

    def __init__(self, status: int, why: str, headers: Headers | None = None) -> None:
        self.answer, self.headers = failure(status, why), headers or {}


class Service:
    """The application; as many tasks as there are threads run its `work`.

    Parameters
    ----------
    token
        What must come after ``Authorization: Bearer``; None if nobody is asked.
    most
        The bytes of the largest body.
    rate
        Requests of a client in a second; None if they are not counted.
    counts
        Where rows are counted before they are answered.
    """

    def __init__(
        self,
        current: CurrentVersion,
        token: str | None,
        most: int,
        rate: int | None,
        counts: ServedCounts | None = None,
    ) -> None:
        self._current, self._counts = current, counts
        self._token, self._most, self._rate = token, most, rate
        self._metrics = Metrics()
        self._asked: asyncio.Queue[tuple[ScoreRequest, asyncio.Future[Any]]] = asyncio.Queue()
        self._held = 0
        self._rates: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def work(self) -> None:
        """Answer all that waits by the version that answers now, again and again."""
        while True:
            taken = [await self._asked.get()]
            while len(taken) < TOGETHER and not self._asked.empty():
                taken.append(self._asked.get_nowait())
            scorer, requests = self._current.scorer, [request for request, _ in taken]
            try:
                answers, batches = await asyncio.to_thread(self._answers, scorer, requests)
            except Exception as error:
                answers, batches = [refusal(error)] * len(taken), []
            pinned = scorer.pinned
            lineage = {
                b"assay-version": pinned.version.version.encode(),
                b"assay-bundle": pinned.bundle.digest.encode(),
            }
            for (_, waits), answer in zip(taken, answers, strict=True):
                if not waits.done():
                    waits.set_result((answer, lineage))
            self._metrics.count(batches)

    def _answers(
        self, scorer: TableScorer, requests: Sequence[ScoreRequest]
    ) -> tuple[list[Answer], list[ScoredBatch]]:
        answers = answer_all(scorer, requests)
        if self._counts is not None:
            self._counts.add(scorer, answers[1])
        return answers

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        path, method, headers = scope["path"], scope["method"], dict[bytes, bytes]()
        try:
            if path == "/score" and method == "POST":
                answer, headers = await self._score(scope, receive)
            elif path == "/health" and method == "GET":
                answer = self._health()
            elif path == "/metrics" and method == "GET":
                accepted = dict(scope["headers"]).get(b"accept", b"")
                answer = self._metrics.answer(self._current, accepted)
            else:
                known = path in ("/score", "/health", "/metrics")
                raise Refused(405 if known else 404, "POST /score, GET /health, GET /metrics")
        except Refused as refused:
            # What is not read of a body must not be taken for the next request.
            answer, headers = refused.answer, {**refused.headers, b"connection": b"close"}
        self._metrics.requests.labels(str(answer.status)).inc()
        headers |= {
            b"content-type": answer.kind.encode(),
            b"content-length": str(len(answer.body)).encode(),
        }
        start = {"status": answer.status, "headers": list(headers.items())}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": answer.body})

    def _health(self) -> Answer:
        current = self._current
        version, bundle = current.identity
        tree = {
            "status": "behind" if current.behind else "ok",
            "version": version,
            "bundle": bundle,
            "since": current.since.isoformat(timespec="seconds"),
            "unverified": current.scorer.pinned.doubt,
            "behind": current.behind,
        }
        return Answer(200, json.dumps(tree).encode())

    async def _score(self, scope: Mapping[str, Any], receive: Receive) -> tuple[Answer, Any]:
        began, headers = time.monotonic(), dict(scope["headers"])
        self._check_token(headers.get(b"authorization", b""))
        self._check_rate(scope["client"])
        kind = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        if kind not in (JSON, ARROW):
            raise Refused(415, f"expected the Content-Type {JSON} or {ARROW}, found '{kind}'")
        packed = headers.get(b"content-encoding", b"identity").decode("latin-1")
        if packed != "identity":
            raise Refused(415, f"expected a body that is not compressed, found {packed}")
        asked, _, top = scope["query_string"].decode("latin-1").partition("=")
        if asked and (asked != "reasons" or not top.isdecimal()):
            raise Refused(400, f"expected nothing after the ? but reasons=N, found '{asked}={top}'")
        # Of a body whose length is not said, as much as may be.
        length = int(headers.get(b"content-length", self._most))
        self._check_size(length)
        room = length + OVERHEAD
        if self._held + room > BODIES * (self._most + OVERHEAD):
            raise Refused(503, "too much is waiting to be scored", {b"retry-after": b"1"})
        self._held += room
        try:
            with self._metrics.waiting.track_inprogress():
                request = ScoreRequest(await self._body(receive), kind, int(top or 0))
                waits = asyncio.get_running_loop().create_future()
                self._asked.put_nowait((request, waits))
                answered: tuple[Answer, Any] = await waits
        finally:
            self._held -= room
        self._metrics.seconds.observe(time.monotonic() - began)
        return answered

    def _check_token(self, given: bytes) -> None:
        if self._token and not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            raise Refused(401, "a token is asked for", {b"www-authenticate": b"Bearer"})

    def _check_rate(self, client: tuple[str, int] | None) -> None:
        """As many requests as in a second at once, then one by one (a bucket of tokens)."""
        rate, now = self._rate, time.monotonic()
        if rate is None or client is None:
            return
        left, last = self._rates.pop(client[0], (rate, now))
        left = min(rate, left + rate * (now - last))
        self._rates[client[0]] = (left - (left >= 1), now)
        if len(self._rates) > CLIENTS:
            self._rates.popitem(last=False)
        if left < 1:
            raise Refused(429, f"at most {rate} requests a second", {b"retry-after": b"1"})

    def _check_size(self, size: int) -> None:
        if size > self._most:
            raise Refused(413, f"a body has at most {counted(self._most, 'byte')}")

    async def _body(self, receive: Receive) -> bytes:
        body, more = bytearray(), True
        try:
            async with asyncio.timeout(SLOWEST):
                while more:
                    message = await receive()
                    body += message.get("body", b"")
                    self._check_size(len(body))
                    more = message.get("more_body", False)
        except TimeoutError:
            raise Refused(408, f"the body was not here within {SLOWEST:g} seconds") from None
        if message["type"] == "http.disconnect":
            raise Refused(400, "the client left")
        return bytes(body)


# -------------------------------------------------------------- what a Prometheus reads of a server


class Metrics:
    """Counts requests, their time and their rows."""

    def __init__(self) -> None:
        every = self._every = CollectorRegistry()
        self.requests = Counter("assay_requests", "By status", ["status"], registry=every)
        self.seconds = Histogram("assay_request_seconds", "Until the answer", registry=every)
        self.waiting = Gauge("assay_waiting_requests", "Read or scored now", registry=every)
        self._rows = Counter("assay_rows", "Rows by outcome", ["outcome"], registry=every)
        self._broken = Counter("assay_broken_rules", "Rows by rule", ["rule"], registry=every)
        self._version = Gauge("assay_version", "1", ["version", "bundle"], registry=every)
        self._behind = Gauge("assay_behind", "1: the stage's cannot serve", registry=every)

    def count(self, batches: Sequence[ScoredBatch]) -> None:
        """Count the rows of batches: with a score, refused, and without a score by the model."""
        for batch in batches:
            refused = int(batch.bad.sum())
            self._rows.labels("refused").inc(refused)
            self._rows.labels("unscored").inc(batch.null_scores)
            self._rows.labels("scored").inc(batch.rows - refused - batch.null_scores)
            for rule, rows in batch.broken.items():
                self._broken.labels(rule).inc(rows)

    def answer(self, current: CurrentVersion, accepted: bytes) -> Answer:
        """In OpenMetrics' format to whom accepts it, else in Prometheus' own text format."""
        self._version.clear()
        self._version.labels(*current.identity).set(1)
        self._behind.set(current.behind is not None)
        write: Any = generate_latest
        kind = "text/plain; version=0.0.4; charset=utf-8"
        if b"application/openmetrics-text" in accepted.lower():
            write, kind = openmetrics.generate_latest, openmetrics.CONTENT_TYPE_LATEST
        return Answer(200, write(self._every), kind)
