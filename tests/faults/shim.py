"""The library that counts file-system calls and makes the nth fail, seen from Python.

It is compiled from shim.c, so it needs a C compiler, and Linux; where there is none, whoever asks
is told. It is loaded before Python starts (LD_PRELOAD), as nothing else reaches the calls of
delta-rs, Arrow and git.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

SOURCE = Path(__file__).with_name("shim.c")
CONTROL, UNDER = "FAULTS_CONTROL", "FAULTS_UNDER"
OFF, COUNT, ERROR_ONCE, ERROR_FROM, KILL = range(5)


class Layout(ctypes.Structure):
    """As `struct control` in shim.c."""

    _fields_ = (
        ("mode", ctypes.c_int),
        ("target", ctypes.c_int),
        ("error", ctypes.c_int),
        ("count", ctypes.c_int),
        ("name", ctypes.c_char * 64),
        ("path", ctypes.c_char * 4000),
    )


class Control:
    """What all processes of a trial share: which call is to fail, and how many there were."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), ctypes.sizeof(Layout))
        self._shared = Layout.from_buffer(self._map)

    def arm(self, mode: int, target: int = 0, error: int = 0) -> None:
        self._shared.count, self._shared.name, self._shared.path = 0, b"", b""
        self._shared.target, self._shared.error = target, error
        self._shared.mode = mode

    def off(self) -> None:
        self._shared.mode = OFF

    @property
    def count(self) -> int:
        return int(self._shared.count)

    @property
    def hit(self) -> str:
        """The call that failed, such as ``fsync``."""
        return self._shared.name.decode()

    @property
    def path(self) -> str:
        """What it was about, relative to the folder."""
        return self._shared.path.decode(errors="replace")


def compiler() -> str | None:
    """The C compiler of this machine, None if there is none or it is no Linux."""
    return shutil.which("cc") if sys.platform == "linux" else None


def build(folder: Path) -> Path:
    """Compile the library into a folder."""
    found = compiler()
    assert found is not None, "ask compiler() first"
    made = folder / "faults.so"
    flags = ("-O1", "-shared", "-fPIC")
    subprocess.run([found, *flags, str(SOURCE), "-o", str(made), "-ldl"], check=True)
    return made


def environment(folder: Path, under: Path) -> dict[str, str]:
    """Variables for a process whose calls under a folder are to be counted."""
    control = folder / "control"
    control.write_bytes(bytes(ctypes.sizeof(Layout)))
    return {"LD_PRELOAD": str(build(folder)), CONTROL: str(control), UNDER: f"{under}/"}


def become(folder: Path, under: Path, command: list[str]) -> NoReturn:
    """Start this Python again with the library loaded."""
    os.execve(
        sys.executable, [sys.executable, *command], {**os.environ, **environment(folder, under)}
    )
