"""Who signed an envelope: a public key, or a certificate that a trusted root vouches for.

Both are PEM files, told apart by their content. A key is one of the NIST curves P-256, P-384 and
P-521, and signs with the SHA-2 of its size.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from assay.registry.signing.statement import OLD_PREDICATE_TYPE, Envelope, decode

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import HashAlgorithm
    from cryptography.x509 import Certificate


@dataclass(frozen=True)
class TrustedKey:
    """A public key; ``hint`` is its fingerprint, as envelopes name it."""

    key: EllipticCurvePublicKey

    @property
    def hint(self) -> str:
        return hashlib.sha256(self.pem).hexdigest()

    @property
    def pem(self) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def material(self) -> dict[str, Any]:
        """How an envelope names this key."""
        return {"publicKey": {"hint": self.hint}}

    def names(self, envelope: Envelope) -> bool:
        """Whether an envelope names this key, as older ones do by its bytes."""
        named = envelope.material.get("publicKey")
        if not isinstance(named, dict):
            return False
        return self.hint == named.get("hint") or (
            "hint" not in named and decode(named, "rawBytes").strip() == self.pem.strip()
        )

    def check(self, envelope: Envelope) -> None:
        """Raise ValueError unless this key signed the envelope."""
        if not self.names(envelope):
            raise ValueError("it names another key")
        verify(self.key, envelope)


@dataclass(frozen=True)
class TrustedRoot:
    """A root certificate."""

    certificate: Certificate

    def names(self, envelope: Envelope) -> bool:
        """Whether an envelope has certificates that end at this root."""
        try:
            self._leaf(envelope)
        except ValueError:
            return False
        return True

    def check(self, envelope: Envelope) -> None:
        """Raise ValueError unless a certificate that this root vouches for today signed it."""
        verify(public_key(self._leaf(envelope)), envelope)

    def _leaf(self, envelope: Envelope) -> Certificate:
        from cryptography import x509
        from cryptography.x509.oid import ExtendedKeyUsageOID
        from cryptography.x509.verification import (
            Criticality,
            ExtensionPolicy,
            PolicyBuilder,
            Store,
            VerificationError,
        )

        chain = envelope.material.get("x509CertificateChain")
        named = chain.get("certificates") if isinstance(chain, dict) else None
        if not isinstance(named, list) or not named:
            raise ValueError("it has no certificates")
        certificates = [x509.load_der_x509_certificate(decode(each, "rawBytes")) for each in named]
        try:
            usage = certificates[0].extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except x509.ExtensionNotFound:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        if ExtendedKeyUsageOID.CODE_SIGNING not in usage:
            raise ValueError("its certificate is not for signing code")
        may = ExtensionPolicy.permit_all()
        is_authority = may.require_present(
            x509.BasicConstraints, Criticality.AGNOSTIC, _refuse_no_authority
        )
        policy = PolicyBuilder().store(Store([self.certificate]))
        policy = policy.extension_policies(ca_policy=is_authority, ee_policy=may)
        try:
            policy.build_client_verifier().verify(certificates[0], certificates[1:])
        except VerificationError as error:
            raise ValueError(f"its certificates do not hold: {error}") from None
        return certificates[0]


Trusted = TrustedKey | TrustedRoot

PUBLIC_KEY = "a public key of P-256, P-384 or P-521, or a certificate, as PEM"
_CURVES = ("secp256r1", "secp384r1", "secp521r1")


def _refuse_no_authority(policy: object, certificate: object, constraints: Any) -> None:
    if constraints is None or not constraints.ca:
        raise ValueError("a certificate in the chain may issue none")


@lru_cache(maxsize=32)
def parse_trusted(pem: bytes) -> Trusted:
    """A public key or a root certificate in PEM.

    Raises
    ------
    ValueError
        It is neither, or of a kind that the format does not know.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"CERTIFICATE" in pem:
        return TrustedRoot(x509.load_pem_x509_certificate(pem))
    return TrustedKey(_on_curve(lambda: load_pem_public_key(pem)))


def chain_material(pem: bytes) -> tuple[EllipticCurvePublicKey, dict[str, Any]]:
    """The key of the first of several certificates in PEM, and how an envelope names them."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    chain = x509.load_pem_x509_certificates(pem)
    named = [{"rawBytes": base64.b64encode(each.public_bytes(Encoding.DER)).decode()}
             for each in chain]  # fmt: skip
    return public_key(chain[0]), {"x509CertificateChain": {"certificates": named}}


def public_key(certificate: Certificate) -> EllipticCurvePublicKey:
    """The key that a certificate is about."""
    return _on_curve(certificate.public_key)


def verify(key: EllipticCurvePublicKey, envelope: Envelope) -> None:
    """Raise ValueError unless a key signed what an envelope holds."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        key.verify(envelope.signature, envelope.signed, ECDSA(hash_of(key)))
    except InvalidSignature:
        if OLD_PREDICATE_TYPE.encode() in envelope.payload:
            try:
                return key.verify(envelope.signature, _old_signed(envelope), ECDSA(SHA256()))
            except InvalidSignature:
                pass
        raise ValueError("its signature is not over these bytes by this key") from None


def _old_signed(envelope: Envelope) -> bytes:
    # model_signing 0.2 signed the text that Python shows for the bytes, by SHA-256 for every key.
    kind = "application/vnd.in-toto+json"
    size = len(envelope.payload)
    return f"DSSEV1 {len(kind)} {kind} {size} {envelope.payload!r}".encode()


def hash_of(key: EllipticCurvePublicKey) -> HashAlgorithm:
    """What a key of its size signs with."""
    from cryptography.hazmat.primitives import hashes

    return {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.key_size]


def _on_curve(load: Callable[[], object]) -> EllipticCurvePublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    try:
        key = load()
    except UnsupportedAlgorithm as error:
        raise ValueError(f"a key of a kind that is not known: {error}") from None
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        raise ValueError(f"a key of P-256, P-384 or P-521 is needed, not {type(key).__name__}")
    return key
