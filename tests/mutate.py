"""Files damaged in many ways, the same ways each time: what a seed draws is a seed's for good."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from assay.errors import AssayError

Mutation = tuple[str, bytes]
"""What was done, and what came of it."""

DEEP = 5000


class Told:
    """Counts what came of each mutation; what is told must be one line that names the file."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.counts: Counter[str] = Counter()

    def __call__(self, what: str, work: Any) -> None:
        try:
            work()
            self.counts["read"] += 1
        except AssayError as error:
            self.counts["refused"] += 1
            for line in error.lines():
                assert "\n" not in line and len(line) < 800, what
                assert any(name in line for name in self.names), (what, line)
        except Exception as error:
            pytest.fail(f"{what}: {type(error).__name__}: {error}")

    @property
    def refused(self) -> int:
        return self.counts["refused"]


def files(data: bytes, count: int, seed: int, *ways: Callable[..., bytes]) -> Iterator[Mutation]:
    """The file, damaged ``count`` times, each time in one of the ways."""
    for number in range(count):
        draw = random.Random(f"{seed}:{number}")
        way = ways[number % len(ways)]
        yield f"{way.__name__} {number}", way(data, draw)


def raw(data: bytes, draw: random.Random) -> bytes:
    """Bytes flipped, cut off, left out, doubled or put in."""
    at = draw.randrange(len(data))
    to = min(len(data), at + draw.choice([1, 4, 64, len(data)]))
    noise = bytes(draw.randrange(256) for _ in range(min(to - at, 64)))
    return draw.choice(
        [
            data[:at] + noise + data[at + len(noise) :],
            data[:at],
            data[:at] + data[to:],
            data[:to] + data[at:],
            data[:at] + noise + data[at:],
            b"",
        ]
    )


def tree(data: bytes, draw: random.Random) -> bytes:
    """A JSON file in which one value is another, gone, or nested without end."""
    text = json.dumps(_changed(json.loads(data), draw))
    return text.replace('"deep"', "[" * DEEP + "]" * DEEP).encode()


def member(data: bytes, draw: random.Random) -> bytes:
    """A zip file in which one member is damaged, gone or another's, all checksums being right."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = draw.choice([*parts])
    how = draw.randrange(4)
    if how == 0:
        del parts[name]
    elif how == 1:
        parts[name] = parts[draw.choice([*parts])]
    else:
        parts[name] = raw(parts[name], draw)
    return _zipped(parts)


def schema(data: bytes, draw: random.Random) -> bytes:
    """A skops file whose tree of objects is damaged."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["schema.json"] = tree(parts["schema.json"], draw)
    return _zipped(parts)


def numbers(data: bytes, draw: random.Random) -> bytes:
    """A zip file of arrays in which one number of one array is another."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = draw.choice([each for each in parts if each.endswith(".npy")])
    array = np.load(io.BytesIO(parts[name]), allow_pickle=False).copy()
    if array.size:
        flat = array.reshape(-1)
        at, value = draw.randrange(flat.size), draw.choice([0, 1, 7, 2**31 - 1, 2**40])
        place: Any = flat
        if array.dtype.names:
            place = flat[draw.choice(array.dtype.names)]
        with np.errstate(all="ignore"):
            place[at] = np.array([value]).astype(place.dtype)[0]
    target = io.BytesIO()
    np.save(target, array, allow_pickle=False)
    parts[name] = target.getvalue()
    return _zipped(parts)


def lines(data: bytes, draw: random.Random) -> bytes:
    """A YAML file in which a line is gone, moved, doubled, indented or says something else."""
    rows = data.decode().splitlines()
    at = draw.randrange(len(rows))
    key, colon, _ = rows[at].partition(":")
    odd = draw.choice(
        [
            *(
                "*none",
                "&a [*a]",
                "!!python/object:os.system x",
                "!!int x",
                "!!binary x",
                "2013-99-99",
            ),
            *(
                "? [1]",
                "{",
                "'",
                "|",
                "\t",
                "\0",
                "9" * 5000,
                "1e999",
                ".nan",
                "null",
                "<<: *a",
                "-",
            ),
            *("[" * DEEP, "[" * DEEP + "]" * DEEP, "{a: " * DEEP + "}" * DEEP, "\ufeff", "%YAML 9"),
        ]
    )
    how = draw.randrange(6)
    if how == 0:
        del rows[at]
    elif how == 1:
        rows.insert(draw.randrange(len(rows)), rows[at])
    elif how == 2:
        rows[at] = " " * draw.randrange(1, 9) + rows[at]
    elif how == 3:
        rows[at] = odd
    else:
        rows[at] = f"{key}{colon or ':'} {odd}"
    return ("\n".join(rows) + "\n").encode()


def bomb(width: int = 10, levels: int = 12) -> str:
    """A few lines of YAML that unfold to width ** levels values."""
    text = ["bomb_0: &b0 [" + ", ".join(["x"] * width) + "]"]
    for level in range(1, levels):
        text.append(f"bomb_{level}: &b{level} [" + ", ".join([f"*b{level - 1}"] * width) + "]")
    return "\n".join(text) + "\n"


def _changed(value: Any, draw: random.Random) -> Any:
    """The same tree with one place changed, drawn evenly."""
    places = [*_places(value)]
    holder, key = draw.choice(places)
    how = draw.randrange(4)
    if how == 0:
        if isinstance(holder, dict):
            del holder[key]
        else:
            holder.pop(key)
    elif how == 1:
        other, name = draw.choice(places)
        holder[key] = json.loads(json.dumps(other[name]))
    elif how == 2 and isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    else:
        odd = [None, True, -1, 10**9, 1e308, "", "x", "os.system", [], {}, [[]], {"a": 1}, "deep"]
        holder[key] = draw.choice(odd)
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    stack = [value]
    while stack:
        item = stack.pop()
        keys: Any = item.keys() if isinstance(item, dict) else range(len(item))
        for key in keys:
            yield item, key
            if isinstance(item[key], dict | list):
                stack.append(item[key])


def _zipped(parts: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return target.getvalue()
