"""Sums over sites of which nobody sees a part: each pair of sites adds and subtracts a mask.

A number is written with 64 binary places, modulo 2**128. Each pair of sites shares a key, from
which both draw the same masks; one adds them, the other subtracts them, so that they cancel in the
sum over all sites and hide each part of it (Bonawitz and others 2017, Practical secure aggregation,
CCS, without its recovery of sites that drop out: a sum that lacks a site is refused). Keys are
agreed on by X25519 (RFC 7748), for one session; masks are drawn by SHAKE256. With two sites, one
could deduce the other's part from the sum, so there are at least three.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from assay.project.text import counted

PLACES = 64
"""Binary places of a number."""
BYTES = 16
MODULUS = 1 << (8 * BYTES)
LARGEST = 2.0**62
"""No number to be summed is as large."""

Floats = npt.NDArray[np.float64]


class Masks:
    """The masks of one site for a session.

    Parameters
    ----------
    me
        This site.
    session
        Its name and its sites, which keys are bound to.
    """

    def __init__(self, me: str, session: str) -> None:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        self._me, self._session = me, session
        self._private = X25519PrivateKey.generate()
        self._keys: dict[str, bytes] = {}

    @property
    def public(self) -> str:
        """The public key that others agree on masks with."""
        return base64.b64encode(self._private.public_key().public_bytes_raw()).decode()

    def agree(self, others: Mapping[str, str]) -> None:
        """Derive a key with each of the other sites from its public key.

        Raises
        ------
        ValueError
            A key is none; names the site.
        """
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        for site, public in others.items():
            try:
                theirs = X25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
                secret = self._private.exchange(theirs)
            except (ValueError, binascii.Error) as error:
                raise ValueError(f"the public key of {site} is none: {error}") from None
            info = f"assay federate {self._session} {' '.join(sorted((self._me, site)))}"
            derive = HKDF(hashes.SHA256(), 32, None, info.encode())
            self._keys[site] = derive.derive(secret)

    def hide(self, step: str, numbers: Sequence[float] | Floats) -> str:
        """The numbers of this site for a step, masked, as text.

        Raises
        ------
        ValueError
            A number is not finite, or too large.
        """
        whole = [_fixed(number) for number in np.asarray(numbers, np.float64).tolist()]
        for site, key in self._keys.items():
            stream = hashlib.shake_256(key + step.encode()).digest(BYTES * len(whole))
            sign = 1 if self._me < site else -1
            for place, mask in enumerate(_integers(stream)):
                whole[place] += sign * mask
        return base64.b64encode(
            b"".join((number % MODULUS).to_bytes(BYTES, "little") for number in whole)
        ).decode()


def _fixed(number: float) -> int:
    if not math.isfinite(number) or abs(number) >= LARGEST:
        raise ValueError(f"{number} cannot be summed")
    return int(math.ldexp(number, PLACES))


def _integers(stream: bytes) -> list[int]:
    return [
        int.from_bytes(stream[start : start + BYTES], "little")
        for start in range(0, len(stream), BYTES)
    ]


def unmask(parts: Mapping[str, str], count: int) -> Floats:
    """The sums over all sites ``(count,)`` from what each of them sent.

    Raises
    ------
    ValueError
        A site sent no such numbers; names it.
    """
    totals = [0] * count
    for site, text in parts.items():
        try:
            stream = base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error):
            stream = b""
        if len(stream) != BYTES * count:
            raise ValueError(f"{site} sent {counted(len(stream), 'byte')}, not {BYTES * count:,}")
        for place, number in enumerate(_integers(stream)):
            totals[place] += number
    signed = ((total + MODULUS // 2) % MODULUS - MODULUS // 2 for total in totals)
    return np.array([math.ldexp(float(total), -PLACES) for total in signed])
