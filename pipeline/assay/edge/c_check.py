"""Compiles an export in C, and runs it on rows to see what it makes of them."""

from __future__ import annotations

import os
import shlex
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from assay.compiled.edge_cases import FeaturesInMemory
from assay.edge.c_source import Export, write_c, write_check
from assay.edge.hard_rows import Expected
from assay.errors import ExportUnproven, ExtraMissing
from assay.project import extras
from assay.project.text import counted

FLAGS = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Werror")
_SECONDS = 1800
_LONGEST = 300

Run = Callable[[bytes], bytes]
"""Gives the program's output for its input."""


def find_compiler() -> list[str]:
    """The command of a C compiler: ``$CC``, ``cc``, or that of the extra ``edge``.

    Raises
    ------
    ExtraMissing
        There is none.
    """
    if given := os.environ.get("CC"):
        return shlex.split(given)
    if shutil.which("cc"):
        return ["cc"]
    if extras.is_installed("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc"]
    raise ExtraMissing("a C compiler: install one as cc, or", "edge")


def build(export: Export, folder: Path, compiler: Sequence[str], more: Sequence[str] = ()) -> Path:
    """Write and compile an export with the program that checks it; the program.

    Raises
    ------
    ExportUnproven
        The compiler refuses it.
    """
    files = {**write_c(export), "check.c": write_check(export)}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    program = folder / "check"
    sources = [name for name in files if name.endswith(".c")]
    _called([*compiler, *FLAGS, *more, *sources, "-o", program.name, "-lm"], folder)
    return program


def _called(command: Sequence[str], folder: Path, given: bytes = b"") -> bytes:
    try:
        done = subprocess.run(
            command, cwd=folder, input=given, capture_output=True, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unproven(command, str(error)) from None
    if done.returncode:
        text = done.stderr.decode(errors="replace") or f"exit code {done.returncode}"
        raise _unproven(command, " ".join(text.split())[:_LONGEST])
    return done.stdout


def _unproven(command: Sequence[str], difference: str) -> ExportUnproven:
    return ExportUnproven(
        "the export in C could not be compared, so there is none",
        where=Path(command[0]).name,
        found=difference,
        fix="Is $CC, or cc, a compiler of C99 for this machine?",
    )


def runner(program: Path) -> Run:
    return lambda given: _called([str(program)], program.parent, given)


def answers(run: Run, export: Export, rows: FeaturesInMemory) -> Expected:
    """What a compiled export makes of some rows.

    Raises
    ------
    ExportUnproven
        It cannot be run, or it gives too little.
    """
    inputs = export.model.inputs
    outputs, scores = export.model.body.outputs, export.scores
    kind = np.dtype(
        [("answers", "<i4", 2), ("raw", "<f8", outputs), ("scores", "<f8", scores)]
    )  # little-endian, as are all machines that this runs on
    output = run(_input(inputs.numeric, inputs.categorical, rows))
    if len(output) != rows.rows * kind.itemsize:
        raise _unproven(
            ["check"], f"{counted(len(output), 'byte')} for {counted(rows.rows, 'row')}"
        )
    results = np.frombuffer(output, kind, rows.rows)
    return Expected(
        raw=results["raw"].reshape(rows.rows, outputs),
        scores=results["scores"].reshape(rows.rows, scores),
        unscored=results["answers"][:, 1] != 0,
        broken=results["answers"][:, 0].astype(np.int64),
    )


def _input(numeric: Sequence[str], categorical: Sequence[str], rows: FeaturesInMemory) -> bytes:
    """Rows as ``parts/check.c`` reads them."""
    parts: list[bytes] = []
    for name in categorical:
        texts = [text.encode() for text in rows.of_categories[name].categories]
        parts.append(struct.pack("<i", len(texts)))
        parts += [struct.pack("<i", len(text)) + text for text in texts]
    parts.append(struct.pack("<q", rows.rows))
    kind = np.dtype([("n", "<f8", (len(numeric),)), ("t", "<i4", (len(categorical),))])
    table = np.zeros(rows.rows, kind)
    for place, name in enumerate(numeric):
        table["n"][:, place] = rows.of_numbers[name]
    for place, name in enumerate(categorical):
        table["t"][:, place] = rows.of_categories[name].codes
    return b"".join([*parts, table.tobytes()])
