"""The section ``signing`` of params.yaml: who signs versions, and whose signature counts."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, model_validator

from assay.project.params.values import Day, Section, Text, refuse_repeats


class Signer(Section):
    """What signs a version: the public key or the certificates, and where the private key is.

    One of ``file`` (a PEM file, which never is in git), ``agent`` (the SSH agent holds it) and
    ``command`` (words; reads the digest from standard input and writes the signature).
    """

    key: Text
    file: Text | None = None
    agent: bool = False
    command: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Signer:
        ways = {"file": self.file, "agent: true": self.agent, "command": self.command}
        given = [name for name, value in ways.items() if value]
        if len(given) != 1:
            raise ValueError(f"one of file, agent: true and command|{', '.join(given) or 'none'}")
        return self


class SigningKey(Section):
    """A public key, or a root certificate, that counts for what was signed in its time.

    ``revoked`` says why nothing that it signed counts any more, whenever that was.
    """

    key: Text
    start: Day | None = Field(default=None, alias="from")
    until: Day | None = None
    revoked: Text | None = None

    @model_validator(mode="after")
    def _ordered(self) -> SigningKey:
        if self.start and self.until and self.until < self.start:
            raise ValueError(f"'until' on or after 'from'|from {self.start} until {self.until}")
        return self

    def fault_on(self, day: date) -> str | None:
        """Why a signature of that day does not count; None if it does."""
        if self.revoked:
            return f"its key {self.key} was revoked: {self.revoked}"
        if self.start and day < self.start:
            return f"it was signed on {day}, before its key {self.key} counts ({self.start})"
        if self.until and day > self.until:
            return f"it was signed on {day}, after the last day of its key {self.key}, {self.until}"
        return None


class Signing(Section):
    """``require``: a version that no trusted key signed is not used."""

    require: bool = False
    by: Signer | None = None
    trusted: tuple[SigningKey, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> Signing:
        refuse_repeats([each.key for each in self.trusted], "each trusted key once")
        if self.require and not self.trusted:
            raise ValueError("a key under trusted, where signatures are required|none")
        return self
