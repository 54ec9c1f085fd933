"""Finds duplicate keys in a night without reading its input twice.

Each task hashes the keys of its rows to 64 bits and writes the hashes to the store's scratch
folder, split into 256 ranges. Afterwards a few ranges at a time are read from all files. Equal
keys have equal hashes, so without equal hashes there are no duplicate keys. A task never holds more
than ``LONGEST`` hashes, or one range. If hashes are equal, the keys themselves are read from the
written rows, so that a hash collision is never reported as a duplicate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assay.contract.columns import FEW_ROWS, Columns
from assay.contract.definition import Contract, show_key
from assay.store.delta.location import filesystem, translate_errors

Hashes: TypeAlias = npt.NDArray[np.uint64]
Bools: TypeAlias = npt.NDArray[np.bool_]

RANGES = 256
LONGEST = 4_000_000
"""Hashes that a task buffers before it writes a file: 32 MB."""
GATHERED = 250_000
"""Hashes of adjacent ranges that are read at once: 2 MB."""
SORTED = 100_000
"""So many NumPy sorts before the compiled loops would even be loaded."""
SEARCHED = 16_384
"""Hashes at most that are looked up in one table: 256 KB. If more lie close, most are equal."""
CONFIRMED = 100_000
"""Limit of duplicate hashes for which the keys are compared; above it, collisions do not matter."""

_NULL = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class KeyFile:
    """A file of hashes in the scratch folder; ``bounds`` are the offsets of the ranges."""

    path: str
    bounds: tuple[int, ...]


UNIQUE = "unique_key"
"""The rule that a row breaks if another row of the night has the same key."""


@dataclass(frozen=True)
class DuplicateKeys:
    """The duplicate keys of a night.

    Attributes
    ----------
    rows
        Number of rows beyond the first of each key.
    examples
        Some of the keys, as text.
    keys, hashes
        All of them; empty if there are too many (`CONFIRMED`).
    """

    rows: int
    examples: tuple[str, ...] = ()
    keys: frozenset[tuple[Any, ...]] = frozenset()
    hashes: frozenset[int] = frozenset()

    def row_mask(self, columns: Columns) -> Bools:
        """Which rows have a duplicate key, shape (rows,)."""
        wanted = np.array(sorted(self.hashes), dtype=np.uint64)
        mask: Bools = np.isin(hash_keys(columns), wanted) & complete_keys(columns)
        if mask.any():
            # A different key may have the same hash.
            rows = columns.select(columns.contract.keys).filter(pa.array(mask)).to_pylist()
            mask[mask] = [tuple(row.values()) in self.keys for row in rows]
        return mask


def complete_keys(columns: Columns) -> Bools:
    """Which rows have a complete key; a row without one duplicates nothing. Shape (rows,)."""
    there = [columns.present(name) for name in columns.contract.keys]
    whole: Bools = np.logical_and.reduce(there)
    return whole


def hash_keys(columns: Columns) -> Hashes:
    """A 64-bit hash of each row's key columns, shape (rows,); equal keys have equal hashes."""
    result = np.zeros(columns.rows, dtype=np.uint64)
    for name in columns.contract.keys:
        mix_hashes(result, _column(columns, name))
    return result


def hash_complete_keys(columns: Columns) -> Hashes:
    """The hashes of the rows that have a complete key, in their order."""
    hashes = hash_keys(columns)
    if any(columns.extent(name).nulls for name in columns.contract.keys):
        return hashes[complete_keys(columns)]
    return hashes


def _column(columns: Columns, name: str) -> Hashes:
    column = columns.exact(name)
    if column.categories is not None:
        return np.append(column.categories.hashes(), _NULL)[column.values]
    if column.values.dtype == np.float64:
        # Adding zero turns -0.0 into 0.0: equal keys with different bits.
        bits = (column.values + 0.0).view(np.uint64)
        present: Any = ~np.isnan(column.values)
    else:
        bits = column.values.astype(np.int64, copy=False).view(np.uint64)
        present = column.present
    return bits if present is None else np.where(present, bits, _NULL)


def mix_hashes(hashes: Hashes, more: Hashes) -> None:
    """Mix another value into each hash, of which all bits depend on all bits.

    By splitmix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
    """
    if len(hashes) > FEW_ROWS:
        from assay.columns import kernels

        kernels.mix_hashes(hashes, more)
        return
    with np.errstate(over="ignore"):
        mixed = hashes * np.uint64(31) + more
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        hashes[:] = mixed ^ (mixed >> np.uint64(31))


class KeyWriter:
    """Collects the hashes of a task and writes them by range, in as few files as memory allows.

    Its methods raise `StoreError` if a file cannot be written.
    """

    def __init__(self, folder: str, part: str) -> None:
        self._folder, self._part = folder, part
        self._held: list[Hashes] = []
        self._files: list[KeyFile] = []
        self._count = 0

    def add(self, more: Hashes) -> None:
        self._held.append(more)
        self._count += len(more)
        if self._count >= LONGEST:
            self._flush()

    def files(self) -> tuple[KeyFile, ...]:
        """The files written, after flushing the rest."""
        if self._count:
            self._flush()
        return tuple(self._files)

    def _flush(self) -> None:
        parted, bounds = _by_range(np.concatenate(self._held), 56)
        path = f"{self._folder}/{self._part}.{len(self._files):03d}.keys"
        with translate_errors(path, "cannot be written"):
            system, base = filesystem(path)
            system.create_dir(base.rpartition("/")[0], recursive=True)
            with system.open_output_stream(base) as sink:
                sink.write(parted.astype("<u8", copy=False))
        self._files.append(KeyFile(path, tuple(bounds.tolist())))
        self._held, self._count = [], 0


def _by_range(hashes: Hashes, shift: int) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """The hashes ordered by their 8 bits from ``shift`` on, and the bounds of these `RANGES`."""
    if len(hashes) <= SORTED:
        ranges = ((hashes >> np.uint64(shift)) & np.uint64(255)).astype(np.uint8)
        order = np.argsort(ranges, kind="stable")
        return hashes[order], np.searchsorted(ranges[order], np.arange(RANGES + 1))
    from assay.columns import kernels

    bounds, parted = np.zeros(RANGES + 1, dtype=np.int64), np.empty_like(hashes)
    kernels.part_hashes(hashes, shift, bounds, parted)
    return parted, bounds


def duplicate_hashes(files: Sequence[KeyFile], cores: int) -> dict[int, int]:
    """Hashes that occur more than once, with their counts; each core looks at some ranges."""
    if not files:
        return {}
    if cores == 1 or sum(file.bounds[-1] for file in files) <= GATHERED:
        return duplicates_in_ranges(files, range(RANGES))
    hashes: dict[int, int] = {}
    with ThreadPoolExecutor(cores) as pool:
        for part in pool.map(partial(duplicates_in_ranges, files), split_ranges(cores)):
            hashes |= part
    return hashes


def split_ranges(shares: int) -> list[range]:
    """All ranges, in about equal shares."""
    shares = min(RANGES, shares)
    cuts = [RANGES * number // shares for number in range(shares + 1)]
    return [range(start, stop) for start, stop in pairwise(cuts)]


def duplicates_in_ranges(files: Sequence[KeyFile], ranges: range) -> dict[int, int]:
    """Hashes that occur more than once in adjacent ranges, with their counts.

    At most `CONFIRMED` are listed of those that are read at once; the rest is added to the count
    of one of them.
    """
    duplicates: dict[int, int] = {}
    for block in _blocks(files, ranges):
        parts = [_read(file, block) for file in files]
        duplicates |= _twice(np.concatenate([np.empty(0, dtype=np.uint64), *parts]))
    return duplicates


def _count(file: KeyFile, number: int) -> int:
    return file.bounds[number + 1] - file.bounds[number]


def _blocks(files: Sequence[KeyFile], ranges: range) -> Iterator[range]:
    """``ranges`` in blocks of at most `GATHERED` hashes, or of one range."""
    start, held = ranges.start, 0
    for number in ranges:
        more = sum(_count(file, number) for file in files)
        if held and held + more > GATHERED:
            yield range(start, number)
            start, held = number, 0
        held += more
    yield range(start, ranges.stop)


def _read(file: KeyFile, block: range) -> Hashes:
    start, end = file.bounds[block.start], file.bounds[block.stop]
    if start == end:
        return np.empty(0, dtype=np.uint64)
    with translate_errors(file.path, "cannot be read"):
        system, path = filesystem(file.path)
        with system.open_input_file(path) as source:
            return np.frombuffer(source.read_at(8 * (end - start), 8 * start), dtype="<u8")


def _twice(hashes: Hashes) -> dict[int, int]:
    again = _repeated(hashes)
    if not len(again):
        return {}
    values, counts = np.unique(again, return_counts=True)
    found = {
        int(value): int(count) + 1
        for value, count in zip(values[:CONFIRMED], counts[:CONFIRMED], strict=True)
    }
    found[int(values[0])] += int(counts[CONFIRMED:].sum())
    return found


def _repeated(hashes: Hashes) -> Hashes:
    """Each hash as often as it occurs after its first time, in any order."""
    if len(hashes) > SORTED:
        from assay.columns import kernels

        parted, bounds = _by_range(hashes, 48)
        longest = int(np.diff(bounds).max())
        if longest <= SEARCHED:
            table = np.empty(1 << (2 * longest - 1).bit_length(), dtype=np.uint64)
            return parted[: kernels.repeated_hashes(parted, 48, bounds, table)]
    hashes = np.sort(hashes)
    again: Hashes = hashes[1:][hashes[1:] == hashes[:-1]]
    return again


def confirm_duplicates(
    contract: Contract,
    suspects: dict[int, int],
    batches: Callable[[], Iterable[pa.RecordBatch | pa.Table]],
) -> DuplicateKeys:
    """The duplicate keys among the rows whose hashes are duplicates.

    Parameters
    ----------
    suspects
        From `duplicates_in_ranges`.
    batches
        The key columns of all rows; read only if there is a suspect.
    """
    if not suspects:
        return DuplicateKeys(0)
    if len(suspects) > CONFIRMED:
        return DuplicateKeys(sum(suspects.values()) - len(suspects))
    wanted = np.array(sorted(suspects), dtype=np.uint64)
    seen: Counter[tuple[Any, ...]] = Counter()
    for batch in batches():
        columns = Columns(contract, batch)
        mask = np.isin(hash_keys(columns), wanted)
        if mask.any():
            rows = columns.select(contract.keys).filter(pa.array(mask)).to_pylist()
            seen.update(tuple(row.values()) for row in rows)
    twice = {key: count for key, count in seen.most_common() if count > 1}
    examples = [
        show_key(dict(zip(contract.keys, key, strict=True)), contract.hidden)
        # The rows come in any order, and a message should be the same each time.
        for key in sorted(twice, key=lambda key: (-twice[key], repr(key)))[:3]
    ]
    return DuplicateKeys(
        sum(count - 1 for count in twice.values()),
        tuple(dict.fromkeys(examples)),
        frozenset(twice),
        frozenset(suspects) if twice else frozenset(),
    )
