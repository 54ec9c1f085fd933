"""Reads the clock of a service from the Date of an HTTP answer."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from assay.monitor.doctor.judge_machine import ClockReading
from assay.project.http_exchange import NoAnswer, exchange
from assay.store.check import clock_skew

SECONDS = 5.0
S3 = frozenset({"s3", "s3a"})


def service_of(url: str) -> str | None:
    """The service behind an address as ``https://host:port``; None if it does not speak HTTP.

    For S3 that is the endpoint that the environment names, else Amazon's own.
    """
    parts = urlsplit(url) if "://" in url else None
    if parts is not None and parts.scheme in S3:
        told = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        parts = urlsplit(told or "https://s3.amazonaws.com")
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"


def http_reading(service: str) -> ClockReading | None:
    """How far this clock is from the service's; None if it does not answer or tells no date.

    Only the address is sent: no path, no credentials. That it refuses them does not matter.
    """
    before = time.time()
    try:
        told = exchange("HEAD", service, None, {}, SECONDS, content=False).headers.get("date", "")
    except NoAnswer:
        return None
    after = time.time()
    with suppress(TypeError, ValueError):
        then = parsedate_to_datetime(told).timestamp()
        return ClockReading(urlsplit(service).netloc, clock_skew(before, after, then))
    return None
