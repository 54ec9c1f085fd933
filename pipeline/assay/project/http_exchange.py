"""One HTTP exchange with a deadline over the whole of it, and nothing that tells a secret.

Libraries time out a single read, so a server that sends a byte now and then holds a job for ever
(docs/decisions/0052). Redirects are not followed: a secret would go to a host that nobody
configured.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

LARGEST = 64_000_000
"""The most bytes of an answer's body."""


AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which another attempt may succeed."""


class NoAnswer(Exception):
    """There is no whole answer; the text says why, without address or token.

    Attributes
    ----------
    sent
        Whether the request may have reached the server, so that it may have been carried out.
    again
        Whether another attempt may succeed.
    """

    def __init__(self, words: str, *, sent: bool, again: bool = True) -> None:
        super().__init__(words)
        self.sent = sent
        self.again = again


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (names in lower case) and body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def again(self) -> bool:
        """Whether another attempt may succeed, as far as the status tells."""
        return self.status in AGAIN

    @property
    def wait(self) -> float | None:
        """Seconds to wait for before another attempt, from Retry-After; None if it names none."""
        asked = self.headers.get("retry-after", "").strip()
        return float(asked) if asked.isascii() and asked.isdigit() else None


def validate_url(url: str) -> str:
    """Return ``url`` if it is an address that can be asked.

    Raises
    ------
    ValueError
        It is not; the text does not hold it, because it may be a secret.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("not an address") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("not an address that starts with https:// or http://")
    if any(not "!" <= letter <= "~" for letter in url):
        raise ValueError("it holds a space, a line's end or a letter that no address has")
    return url


def validate_api_address(url: str) -> str:
    """Return ``url`` without its last slash if it is a base address of an API.

    Raises
    ------
    ValueError
        It is not; the text does not hold it.
    """
    parts = urlsplit(validate_url(url))
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("it holds a user, a query or a fragment")
    return url.rstrip("/")


def exchange(
    method: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    timeout: float,
    *,
    content: bool = True,
) -> Answer:
    """Send one request and read the whole answer within ``timeout`` seconds.

    The operating system's name lookup has a timeout of its own, which is not included.

    Parameters
    ----------
    content
        False if only status and headers matter: the body is not read, and ``b""`` returned.

    Raises
    ------
    NoAnswer
        It did not answer in time, or not in HTTP.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    deadline = time.monotonic() + timeout
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = False
    raw: socket.socket | None = None
    try:
        connection.connect()
        raw = connection.sock
        connection.sock = _Deadlined(raw, deadline)
        sent = True
        connection.request(method, target, body, {**headers, "Connection": "close"})
        answer = connection.getresponse()
        read = answer.read(LARGEST + 1) if content else b""
        if len(read) > LARGEST:
            raise NoAnswer(f"it answered more than {LARGEST:,} bytes", sent=True)
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, read)
    except TimeoutError:
        raise NoAnswer(f"no answer within {timeout:g} s", sent=sent) from None
    except ssl.SSLCertVerificationError:
        raise NoAnswer(
            "the server's certificate cannot be trusted", sent=False, again=False
        ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        # The text of a ValueError may quote a header: only the operating system's words are told.
        reason = getattr(error, "strerror", None) or "it broke the connection off"
        raise NoAnswer(f"{type(error).__name__}: {reason}", sent=sent) from None
    finally:
        connection.close()
        if raw is not None:
            raw.close()


class _Deadlined:
    """A connected socket as `http.client` uses it, whose time left shrinks with each call."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def sendall(self, data: Any) -> None:
        self._wait()
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def receive(self, buffer: Any) -> int:
        self._wait()
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        """Nothing: http.client closes it before the answer's body is read."""

    def _wait(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)


class _Reader(io.RawIOBase):
    def __init__(self, sock: _Deadlined) -> None:
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._sock.receive(buffer)
