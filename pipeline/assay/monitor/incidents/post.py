"""One HTTP POST with a deadline over the whole exchange, and retries.

Uses only the standard library. The URL may hold a secret, so no error message names it. Redirects
are not followed, because they would send the message to a host that nobody configured.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

MOST_HEAD = 65_536
LONGEST_WAIT = 30.0
"""The most seconds between two attempts, whatever the server asks for."""
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class PostResult:
    """The result of one attempt.

    Attributes
    ----------
    ok
        The server accepted the message.
    again
        A retry may succeed.
    words
        Why it failed, without the URL.
    wait
        Seconds from the server's Retry-After header; None without one.
    """

    ok: bool
    again: bool = False
    words: str = ""
    wait: float | None = None


class InvalidWebhookUrl(ValueError):
    """The URL is not a valid webhook address; the error's text does not contain it."""


def validate_url(url: str) -> str:
    """Return ``url`` if it is a valid webhook address.

    Raises
    ------
    BadAddress
        It is not.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidWebhookUrl("not an address") from None
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidWebhookUrl("not an address that starts with https:// or http://")
    if any(not "!" <= letter <= "~" for letter in url):
        raise InvalidWebhookUrl("it holds a space, a line's end or a letter that no address has")
    return url


def post(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> PostResult:
    """Make one attempt. Every failure is returned as a result, within ``timeout`` seconds.

    The operating system's name lookup has a timeout of its own, which is not included.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    deadline = time.monotonic() + timeout
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, {**headers, "Connection": "close"})
        return _answer(_head(connection.sock, deadline))
    except TimeoutError:
        return PostResult(False, again=True, words=f"no answer within {timeout:g} s")
    except ssl.SSLCertVerificationError:
        return PostResult(False, words="the server's certificate cannot be trusted")
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it broke the connection off"
        return PostResult(False, again=True, words=f"{type(error).__name__}: {reason}")
    finally:
        connection.close()


def _head(sock: socket.socket, deadline: float) -> bytes:
    """Read the status line and the headers; the body is ignored.

    The remaining time shrinks with each read: a server that sends a byte now and then would outlast
    a timeout of single reads.
    """
    head = b""
    while b"\r\n\r\n" not in head and len(head) < MOST_HEAD:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock.settimeout(left)
        got = sock.recv(4096)
        if not got:
            break
        head += got
    return head


def _answer(head: bytes) -> PostResult:
    line, _, rest = head.partition(b"\r\n")
    words = line.split(maxsplit=2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return PostResult(False, again=True, words="it did not answer in HTTP")
    status = int(words[1])
    if 200 <= status < 300:
        return PostResult(True)
    if 300 <= status < 400:
        return PostResult(False, words=f"it answered {status}: redirects are not followed")
    return PostResult(False, status in AGAIN, f"it answered {status}", _wait(rest))


def _wait(rest: bytes) -> float | None:
    try:
        found = http.client.parse_headers(io.BytesIO(rest)).get("Retry-After", "")
    except http.client.HTTPException:
        return None
    return float(found) if found.strip().isascii() and found.strip().isdigit() else None


def retry(
    attempt: Callable[[], PostResult], retries: int, sleep: Callable[[float], None] = time.sleep
) -> tuple[PostResult, int]:
    """Try, and retry after 1, 2, 4, … seconds; return the last result and the attempts made."""
    for number in range(retries + 1):
        answer = attempt()
        if answer.ok or not answer.again or number == retries:
            break
        sleep(min(max(2.0**number, answer.wait or 0.0), LONGEST_WAIT))
    return answer, number + 1
