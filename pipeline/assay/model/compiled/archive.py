"""The file format of compiled models: an npz of arrays with a JSON header.

The same content always gives the same bytes: members are sorted, have no timestamps and are not
compressed, which also makes them quick to load. Nothing in the file is ever executed.
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from assay.model.compiled.array_types import Array

_HEADER = "header.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)

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
            with archive.open(
                zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w", force_zip64=True
            ) as file:
                # Little-endian, so that bytes do not depend on the machine.
                little = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
                np.lib.format.write_array(
                    file, little.reshape(value.shape), version=(1, 0), allow_pickle=False
                )
    return target.getvalue()


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """Header and arrays.

    Raises
    ------
    ValueError, KeyError, OSError, zipfile.BadZipFile, ...
        It is not such a file; the exception depends on where the file is damaged.
    """
    if not data.startswith(b"PK\x03\x04"):
        raise ValueError("it does not begin as a zip file")
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > len(data):
                raise ValueError(f"{info.filename} is not stored as it is")
        header = json.loads(archive.read(_HEADER))
        for name in archive.namelist():
            if name != _HEADER:
                arrays[name.removesuffix(".npy")] = _array(archive.read(name), name)
    if not isinstance(header, dict):
        raise ValueError("the header is no mapping")
    return header, arrays


def _array(data: bytes, name: str) -> Array:
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"{name} has another format")
    shape, fortran, kind = np.lib.format.read_array_header_1_0(file)
    start = file.tell()
    # Check that the bytes are there before memory is allocated.
    if kind.hasobject or fortran or len(data) - start != np.prod(shape, dtype=int) * kind.itemsize:
        raise ValueError(f"{name} is no plain array of its shape")
    return (
        np.frombuffer(data, kind, offset=start)
        .reshape(shape)
        .astype(kind.newbyteorder("="), copy=False)
    )
