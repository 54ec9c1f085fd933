"""Fixed-size sketches of a column's values: distinct count and new categories.

Both sketches depend only on the set of values: however rows are partitioned and in whatever order
the parts are merged, the result is that of all rows, bit for bit.

- HyperLogLog (Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog", AofA 2007) for the number of
  distinct values: each of 1,024 registers keeps the longest run of leading zeros among its hashes.
  The estimate is Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches",
  arXiv:1702.01284, 2017), which needs no special case for few or many values; its standard error is
  3.2%.
- Categories that are not on the grid, with their exact counts: all of them while they are few, else
  those with the smallest hashes (a bottom-k sample, Cohen and Kaplan, PODC 2007). The choice of
  names does not depend on their frequency; sketches that prefer frequent names depend on the order
  of merging.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from assay.columns.categories import Categories, Hashes, hash_texts

Named: TypeAlias = tuple[tuple[str, int], ...]

REGISTERS = 1024
"""Registers of a sketch: 10 bits of a hash select one, the other 54 are counted."""
UNSEEN = np.uint64(2**64 - 1)
"""Value of an empty register; never that of a hash, whose last 10 bits are 0."""
NEW_KEPT = 128
"""Most categories outside the grid that are kept with their counts."""
LONGEST_NAME = 80
"""Most characters of a category's name; a longer one ends in its digest."""

_RANKS = 53
_ZERO = 48  # registers are written as characters, from "0" on


def hash_numbers(values: npt.NDArray[np.float64]) -> Hashes:
    """A 64-bit hash of each number: splitmix64, as in `assay.columns.count_kernels`.

    G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", 2014: each bit
    depends on all bits.
    """
    mixed = (values + 0.0).view(np.uint64)  # -0.0 is 0.0
    with np.errstate(over="ignore"):
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


class HashRanks(NamedTuple):
    """The register of each hash, and its rank there."""

    register: npt.NDArray[np.intp]
    rank: npt.NDArray[np.uint8]


def rank_hashes(hashes: Hashes) -> HashRanks:
    """The register of each hash, and 1 + the leading zeros of its other bits."""
    return HashRanks((hashes >> np.uint64(54)).astype(np.intp), _ranks(hashes << np.uint64(10)))


def _ranks(rest: Hashes) -> npt.NDArray[np.uint8]:
    # 53 bits are exact in a float, whose exponent is their length.
    _, length = np.frexp((rest >> np.uint64(11)).astype(np.float64))
    return (_RANKS + 1 - length).astype(np.uint8)


def build_registers(*some: HashRanks) -> bytes:
    """The registers with all of these hashes added."""
    made = np.zeros(REGISTERS, np.uint8)
    for each in some:
        np.maximum.at(made, each.register, each.rank)
    return made.tobytes()


def empty_registers() -> Hashes:
    """Empty registers: for each, the smallest remainder of a hash so far."""
    return np.full(REGISTERS, UNSEEN)


def to_registers(least: Hashes) -> bytes:
    """The registers: 0 if empty, else 1 + the leading zeros, at most 54."""
    return np.where(least == UNSEEN, 0, _ranks(least)).astype(np.uint8).tobytes()


def merge_registers(a: bytes, b: bytes) -> bytes:
    """The registers of the union of both sets of values."""
    left, right = np.frombuffer(a, np.uint8), np.frombuffer(b, np.uint8)
    return np.maximum(left, right).tobytes()


def estimate_distinct(of: bytes) -> float:
    """Estimated number of distinct values, within a few percent."""
    counts = np.bincount(np.frombuffer(of, np.uint8), minlength=_RANKS + 2)
    z = REGISTERS * _tau(1 - counts[_RANKS + 1] / REGISTERS)
    for rank in range(_RANKS, 0, -1):
        z = (z + float(counts[rank])) / 2
    z += REGISTERS * _sigma(counts[0] / REGISTERS)
    return REGISTERS * REGISTERS / (2 * math.log(2) * z)


def _sigma(x: float) -> float:
    if x == 1:
        return math.inf
    y, z, before = 1.0, x, math.nan
    while z != before:
        x, before = x * x, z
        z += x * y
        y += y
    return z


def _tau(x: float) -> float:
    if x in (0, 1):
        return 0.0
    y, z, before = 1.0, 1 - x, math.nan
    while z != before:
        x, before = math.sqrt(x), z
        y /= 2
        z -= (1 - x) ** 2 * y
    return z / 3


def to_text(of: bytes) -> str:
    """The registers as text, one character each."""
    return (np.frombuffer(of, np.uint8) + _ZERO).tobytes().decode("ascii")


def from_text(text: str) -> bytes:
    """Read the text of `to_text`.

    Raises
    ------
    ValueError
        If ``text`` is not such a text.
    """
    ranks = np.frombuffer(text.encode("ascii"), np.uint8) - np.uint8(_ZERO)
    if len(ranks) not in (0, REGISTERS) or (ranks > _RANKS + 1).any():
        raise ValueError("not the registers of a sketch")
    return ranks.tobytes()


def shorten_name(name: str) -> str:
    """The name itself; a long one is cut and ends in a digest that identifies it."""
    if len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{name[: LONGEST_NAME - 17]}…{digest}"


def shorten_names(names: Categories) -> Categories:
    """As `shorten_name`, of each."""
    longest = pc.max(pc.utf8_length(names.arrow)).as_py()
    long = longest is not None and longest > LONGEST_NAME
    return Categories([shorten_name(name) for name in names]) if long else names


def select_hashes(hashed: Hashes) -> npt.NDArray[np.intp]:
    """The places of the names whose counts are kept: those of the smallest hashes."""
    if len(hashed) <= NEW_KEPT:
        return np.arange(len(hashed))
    return np.argpartition(hashed, NEW_KEPT - 1)[:NEW_KEPT]


def select_names(counts: Mapping[str, int]) -> Named:
    """The names whose counts are kept, the most frequent first."""
    names = list(counts)
    if len(names) > NEW_KEPT:
        names = [names[place] for place in select_hashes(hash_texts(names)).tolist()]
    return tuple(sorted(((name, counts[name]) for name in names), key=lambda n: (-n[1], n[0])))


def merge_names(a: Named, b: Named) -> Named:
    """The names that are kept of the rows of both."""
    if not b:
        return a
    return select_names(Counter(dict(a)) + Counter(dict(b))) if a else b
