"""The file format of compiled models: an npz of arrays with a JSON header.

The same content always gives the same bytes: members are sorted, have no timestamps and are not
compressed. Each array begins at a multiple of 64 bytes, so it is used where it lies, in a file that
processes share by mapping it to memory. Nothing in the file is ever executed.
"""

from __future__ import annotations

import dataclasses
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from mmap import mmap
from typing import Any, TypeAlias, TypeVar

import numpy as np

from assay.compiled.array_types import Array

_HEADER = "header.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)

# The layout of zip files, APPNOTE.TXT 4.3.7 and 4.5: what precedes a member's bytes.
_BEGIN = b"PK\x03\x04"
_LOCAL = struct.Struct("<4s5H3I2H")
_FIELD = struct.Struct("<2H")
_SIZES = 20
"""Bytes of the extra field with sizes of 64 bits, which `zipfile` adds."""
_PADDING = 0xD935
"""The extra field that zipalign pads with."""
_ALIGNED = 64
_MOST_HEADER = 1 << 16
"""Bytes of an npy header of version 1.0 at most, but for its first ones."""

Data: TypeAlias = bytes | mmap

Part = TypeVar("Part")


_KINDS: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "Floats": (1, ("float64",)),
    "Bools": (1, ("bool",)),
    "Bytes": (1, ("uint8",)),
    "Shorts": (1, ("uint16",)),
    "Places": (1, ("uint8", "uint16")),
    "Longs": (1, ("uint32",)),
    "Words": (1, ("uint64",)),
    "Ints": (1, ("int64",)),
    "int": (0, ("int64",)),
    "float": (0, ("float64",)),
}
"""Number of dimensions and allowed dtypes of a field, by the name of the field's type."""


def dump(part: Any, prefix: str) -> dict[str, Array]:
    """The fields of a dataclass of arrays and numbers, with ``prefix`` before their names."""
    return {
        f"{prefix}.{field.name}": np.asarray(getattr(part, field.name))
        for field in dataclasses.fields(part)
    }


def build(kind: type[Part], prefix: str, arrays: dict[str, Array]) -> Part:
    """The reverse of `dump`; removes the arrays that it uses from ``arrays``.

    Raises
    ------
    ValueError
        An array is missing, or has another type or another number of dimensions.
    """
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        name = f"{prefix}.{field.name}"
        if name not in arrays:
            raise ValueError(f"{name} is missing")
        value, (ndim, kinds) = arrays.pop(name), _KINDS[str(field.type)]
        if str(value.dtype) not in kinds or value.ndim != ndim:
            raise ValueError(f"{name} is of type {value.dtype} with {value.ndim} dimensions")
        values[field.name] = value if ndim else value.item()
    return kind(**values)


def pack(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps(header, sort_keys=True, ensure_ascii=True, allow_nan=False)
        archive.writestr(zipfile.ZipInfo(_HEADER, _EPOCH), text)
        for name, value in sorted(arrays.items()):
            info = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            info.extra = _padding(target.tell(), info.filename)
            with archive.open(info, "w", force_zip64=True) as file:
                # Little-endian, so that bytes do not depend on the machine.
                little = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
                np.lib.format.write_array(
                    file, little.reshape(value.shape), version=(1, 0), allow_pickle=False
                )
    return target.getvalue()


def _padding(place: int, name: str) -> bytes:
    """An extra field after which a member that begins at ``place`` has its bytes aligned."""
    begun = place + _LOCAL.size + len(name.encode()) + _SIZES + _FIELD.size
    length = -begun % _ALIGNED
    return _FIELD.pack(_PADDING, length) + bytes(length)


def unpack(data: Data) -> tuple[dict[str, Any], dict[str, Array]]:
    """Header and arrays.

    The arrays are views of ``data``, so that a file that is mapped to memory stays there. Only what
    is not aligned is copied.

    Raises
    ------
    ValueError, KeyError, OSError, zipfile.BadZipFile
        It is not such a file; these or others, depending on where the file is damaged.
    """
    if data[:4] != _BEGIN:
        raise ValueError("it does not begin as a zip file")
    members = {}
    with zipfile.ZipFile(_Readable(data)) as archive:
        for info in archive.infolist():
            members[info.filename] = _member(data, info)
    header = json.loads(bytes(members.pop(_HEADER)))
    if not isinstance(header, dict):
        raise ValueError("the header is no mapping")
    return header, {name.removesuffix(".npy"): _array(each, name) for name, each in members.items()}


class _Readable:
    """What `zipfile` needs of a file to read its directory; nothing is copied but that."""

    def __init__(self, data: Data) -> None:
        self._data, self._place = data, 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: len(self._data)}[whence]
        if start + offset < 0:
            raise OSError("before the beginning")
        self._place = start + offset
        return self._place

    def read(self, size: int = -1) -> bytes:
        stop = len(self._data) if size < 0 else self._place + size
        found = bytes(self._data[self._place : stop])
        self._place += len(found)
        return found


def _member(data: Data, info: zipfile.ZipInfo) -> memoryview:
    """A member's bytes, which must be stored as they are and have the checksum that is stated."""
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > len(data):
        raise ValueError(f"{info.filename} is not stored as it is")
    begin, *_, name, extra = _LOCAL.unpack_from(data, info.header_offset)
    start = info.header_offset + _LOCAL.size + name + extra
    member = memoryview(data)[start : start + info.file_size]
    if begin != _BEGIN or len(member) != info.file_size or zlib.crc32(member) != info.CRC:
        raise ValueError(f"{info.filename} is damaged")
    return member


def _array(data: memoryview, name: str) -> Array:
    file = io.BytesIO(data[:_MOST_HEADER])
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"{name} has another format")
    shape, fortran, kind = np.lib.format.read_array_header_1_0(file)
    start = file.tell()
    # Check that the bytes are there before memory is allocated.
    if kind.hasobject or fortran or len(data) - start != np.prod(shape, dtype=int) * kind.itemsize:
        raise ValueError(f"{name} is no plain array of its shape")
    found: Array = np.frombuffer(data, kind, offset=start).reshape(shape)
    found = found.astype(kind.newbyteorder("="), copy=False)
    return found if found.flags.aligned else found.copy()
