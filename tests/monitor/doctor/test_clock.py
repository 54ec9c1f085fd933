"""The clock of a service, from the Date of its answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from assay.monitor.doctor.clock import http_reading, service_of
from assay.store.check import clock_skew
from tests.s3 import free_port


@contextmanager
def serving(date: str | None) -> Iterator[str]:
    """A service that answers every HEAD with 403 and a date."""

    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(403)
            if date is not None:
                self.send_header("Date", date)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_service_tells_its_time_even_if_it_refuses() -> None:
    with serving(formatdate(usegmt=True)) as url:
        found = http_reading(url)
    assert found is not None and abs(found.skew) < 1 and url.endswith(found.source)
    with serving(formatdate(1e9, usegmt=True)) as url:
        found = http_reading(url)
    assert found is not None and found.skew > 1e8


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_what_tells_no_date_is_no_clock(date: str | None) -> None:
    with serving(date) as url:
        assert http_reading(url) is None


def test_what_does_not_answer_is_no_clock() -> None:
    assert http_reading(f"http://127.0.0.1:{free_port()}") is None


def test_only_the_address_of_the_service_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    assert service_of("https://ada:secret@host:8443/a/b?x=y") == "https://host:8443"
    assert service_of("s3://bucket/x") == "https://s3.amazonaws.com"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000/")
    assert service_of("s3://bucket/x") == "http://127.0.0.1:9000"
    for url in ("store", "/mnt/x", "git@host:a/b.git", "ssh://host/x", "", "gs://bucket/x"):
        assert service_of(url) is None


@pytest.mark.parametrize(
    ("told", "skew"),
    [(99, 0), (99.5, 0), (100.1, 0), (98, 1), (40, 59), (100.3, 100.2 - 100.3), (160, 100.2 - 160)],
)
def test_the_smallest_difference_that_explains_it(told: float, skew: float) -> None:
    # Asked at 100.0, answered by 100.2; the other clock may tell whole seconds.
    assert clock_skew(100.0, 100.2, told) == pytest.approx(skew)
