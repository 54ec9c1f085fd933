"""What is on record of rows that were forgotten: an append-only table, without the keys."""

from __future__ import annotations

import hmac
import json
import secrets
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from assay.store.delta import rows
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import FORGOTTEN
from assay.store.key_rows import KeyRows


@dataclass(frozen=True)
class ForgetAct:
    """An act of forgetting: who began it, when and why, and what it deleted once it is done.

    Attributes
    ----------
    salt
        Random for each act, hex: two acts about the same key cannot be told to be.
    keys
        Of each key the HMAC-SHA256 under the salt. Who has the key can find the act; so can who
        guesses it, and can read the store.
    done
        Counts of rows and files; None while it is not done.
    """

    act: str
    at: datetime
    salt: str
    keys: tuple[str, ...]
    by: str
    because: str
    done: Mapping[str, int] | None = None

    def is_of(self, keys: KeyRows) -> bool:
        """Whether it is about these keys, or some of them, and no others."""
        return bool(self.keys) and set(self.keys) <= set(_hashes(self.salt, keys))

    def covers(self, keys: KeyRows) -> bool:
        """Whether it is about all these keys."""
        return set(self.keys) >= set(_hashes(self.salt, keys))


def begin(place: StoreLocation, keys: KeyRows, by: str, because: str) -> ForgetAct:
    """Record an act before its first change."""
    salt = secrets.token_hex(16)
    made = ForgetAct(
        uuid.uuid4().hex, datetime.now(UTC), salt, tuple(_hashes(salt, keys)), by, because
    )
    _append(place, [made])
    return made


def end(place: StoreLocation, acts: Iterable[ForgetAct], done: Mapping[str, int]) -> None:
    """Record that acts are done, in one commit; of no acts there is none."""
    made = [replace(act, at=datetime.now(UTC), done=done) for act in acts]
    if made:
        _append(place, made)


def record_expired(place: StoreLocation, by: str, because: str, done: Mapping[str, int]) -> None:
    """Record that rows were deleted for their age, so that no key was asked for."""
    _append(place, [ForgetAct(uuid.uuid4().hex, datetime.now(UTC), "", (), by, because, done)])


def read_acts(place: StoreLocation) -> list[ForgetAct]:
    """All acts by their last event."""
    found: dict[str, ForgetAct] = {}
    # Done comes after begun, even if the clock was set back.
    table = rows.select(place, FORGOTTEN, {}).to_pylist()
    for row in sorted(table, key=lambda row: (row["done"] is not None, row["at"])):
        done = None if row["done"] is None else json.loads(row["done"])
        found[row["act"]] = ForgetAct(**{**row, "keys": tuple(row["keys"]), "done": done})
    return sorted(found.values(), key=lambda act: act.at)


def unfinished(place: StoreLocation) -> list[ForgetAct]:
    """Acts that were begun, and not completed."""
    return [each for each in read_acts(place) if each.done is None]


def _append(place: StoreLocation, acts: Iterable[ForgetAct]) -> None:
    made = ({**vars(act), "keys": list(act.keys), "done": _text(act.done)} for act in acts)
    rows.append(place, FORGOTTEN, made)


def _text(done: Mapping[str, int] | None) -> str | None:
    return None if done is None else json.dumps(done)


def _hashes(salt: str, keys: KeyRows) -> list[str]:
    told = ({name: str(value) for name, value in row.items()} for row in keys.keys.to_pylist())
    texts = (json.dumps(row, sort_keys=True).encode() for row in told)
    return [hmac.new(bytes.fromhex(salt), text, "sha256").hexdigest() for text in texts]
