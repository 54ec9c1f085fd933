"""Signs bytes with a private key: of a PEM file, in the SSH agent, or behind a command."""

from __future__ import annotations

import base64
import os
import socket
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import UsageError
from assay.project import layout
from assay.project.params.signing import Signer
from assay.registry.signing import keys
from assay.registry.signing.statement import Envelope

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

PASSWORD = "ASSAY_SIGNING_PASSWORD"
"""The environment variable with the password of a private key."""
_WHERE = f"{layout.PARAMS}: signing.by"
_SECONDS = 60
_SIGN_REQUEST, _SIGN_RESPONSE = 13, 14
_MOST = 1 << 18


def sign(root: Path, signer: Signer, payload: bytes) -> Envelope:
    """The payload, signed; verified with the public key before it is returned.

    Raises
    ------
    UsageError
        There is no such key here, or it does not sign; says what to do.
    """
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        pem = (root / signer.key).read_bytes()
        if b"CERTIFICATE" in pem:
            key, material = keys.chain_material(pem)
        else:
            trusted = keys.parse_trusted(pem)
            assert isinstance(trusted, keys.TrustedKey)
            key, material = trusted.key, trusted.material()
        unsigned = Envelope(payload, b"", material)
        envelope = Envelope(payload, _way(root, signer)(key, unsigned.signed), material)
        keys.verify(key, envelope)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm,
            subprocess.SubprocessError) as error:  # fmt: skip
        raise UsageError(
            "the version cannot be signed, so nothing was promoted",
            where=_WHERE,
            expected=f"a signature by the key {signer.key}",
            found=str(error) or type(error).__name__,
            fix="docs/signing.md has an example of each way to sign.",
        ) from None
    return envelope


def _way(root: Path, signer: Signer) -> Callable[[EllipticCurvePublicKey, bytes], bytes]:
    if signer.file:
        path = root / Path(signer.file).expanduser()
        return lambda key, data: _by_file(path, data)
    if signer.command:
        command = signer.command
        return lambda key, data: _by_command(root, command, key, data)
    return _by_agent


def _by_file(path: Path, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    password = os.environ.get(PASSWORD)
    key = load_pem_private_key(path.read_bytes(), password.encode() if password else None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise ValueError(f"{path} is no key of an elliptic curve")
    return key.sign(data, ECDSA(keys.hash_of(key.public_key())))


def _by_command(
    root: Path, command: tuple[str, ...], key: EllipticCurvePublicKey, data: bytes
) -> bytes:
    """What a command writes: DER, or r and s of one length each, as bytes or in Base64."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import Hash

    hashed = Hash(keys.hash_of(key))
    hashed.update(data)
    digest = hashed.finalize()
    done = subprocess.run(
        command,
        cwd=root,
        input=digest,
        env={**os.environ, "ASSAY_DIGEST": base64.b64encode(digest).decode()},
        capture_output=True,
        timeout=_SECONDS,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise ValueError(f"{command[0]} ended with {done.returncode}: {(lines or [''])[-1]}")
    signature, half = done.stdout, (key.key_size + 7) // 8
    if not signature.startswith(b"\x30") and len(signature) != 2 * half:
        text = b"".join(signature.split()).translate(bytes.maketrans(b"-_", b"+/"))
        signature = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    if len(signature) == 2 * half:
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        return encode_dss_signature(r, s)
    return signature


def _by_agent(key: EllipticCurvePublicKey, data: bytes) -> bytes:
    """Ask the SSH agent (draft-miller-ssh-agent), whose signature is over the same hash."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    place = os.environ.get("SSH_AUTH_SOCK")
    if not place:
        raise ValueError("no SSH agent (SSH_AUTH_SOCK is not set)")
    blob = base64.b64decode(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])
    asked = bytes([_SIGN_REQUEST]) + _text(blob) + _text(data) + struct.pack(">I", 0)
    with socket.socket(socket.AF_UNIX) as agent, agent.makefile("rb") as answer:
        agent.settimeout(_SECONDS)
        agent.connect(place)
        agent.sendall(_text(asked))
        reply = answer.read(min(_MOST, struct.unpack(">I", _exactly(answer.read(4), 4))[0]))
    if reply[:1] != bytes([_SIGN_RESPONSE]):
        raise ValueError("the SSH agent does not hold the key, or refuses: ssh-add it")
    _, signature = _texts(_texts(reply[1:])[0])[:2]
    r, s = (int.from_bytes(part, "big") for part in _texts(signature)[:2])
    return encode_dss_signature(r, s)


def _text(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _texts(data: bytes) -> list[bytes]:
    """The strings of an SSH message, one after the other."""
    texts = []
    while data:
        size = struct.unpack(">I", _exactly(data[:4], 4))[0]
        texts.append(_exactly(data[4 : 4 + size], size))
        data = data[4 + size :]
    return texts


def _exactly(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise ValueError("the SSH agent's answer cannot be understood")
    return data
