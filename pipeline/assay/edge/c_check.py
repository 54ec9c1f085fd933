"""Compiles an export in C, and runs it on rows to see what it makes of them."""

from __future__ import annotations

import math
import os
import shlex
import shutil
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from assay.columns.grid import ColumnGrid, NumberGrid
from assay.columns.profile import ColumnProfile
from assay.columns.profile_counter import compute_profile
from assay.compiled.edge_cases import FeaturesInMemory
from assay.edge.c_counts import write_files
from assay.edge.c_source import Export, write_check
from assay.edge.hard_rows import Expected
from assay.edge.sent_counts import read_sent_text
from assay.errors import ExportUnproven, ExtraMissing
from assay.model.prediction import profiled_scores
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
    files = {**write_files(export), "check.c": write_check(export)}
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
        It cannot be run, or what it counted of the rows is not what Assay counts.
    """
    inputs = export.model.inputs
    outputs, scores = export.model.body.outputs, export.scores
    kind = np.dtype(
        [("answers", "<i4", 2), ("raw", "<f8", outputs), ("scores", "<f8", scores)]
    )  # little-endian, as are all machines that this runs on
    output = run(_input(inputs.numeric, inputs.categorical, rows))
    if len(output) < rows.rows * kind.itemsize:
        raise _unproven(
            ["check"], f"{counted(len(output), 'byte')} for {counted(rows.rows, 'row')}"
        )
    results = np.frombuffer(output, kind, rows.rows)
    got = Expected(
        raw=results["raw"].reshape(rows.rows, outputs),
        scores=results["scores"].reshape(rows.rows, scores),
        unscored=results["answers"][:, 1] != 0,
        broken=results["answers"][:, 0].astype(np.int64),
    )
    if differing := count_differences(export, rows, got, output[rows.rows * kind.itemsize :]):
        raise ExportUnproven(
            "the file would count otherwise than Assay, so it was not written",
            where=export.version,
            found=", ".join(differing),
            fix="Try another compiler (CC=gcc). If none does, please report it.",
        )
    return got


def count_differences(
    export: Export, rows: FeaturesInMemory, got: Expected, sent: bytes
) -> list[str]:
    """The columns and checks of which a device counted something else than Assay counts."""
    model, good = export.manifest, got.broken == 0
    scores = got.scores[good] if model.task == "multiclass" else got.scores[good, 0]
    taken = rows.take(np.flatnonzero(good))
    counts = read_sent_text(sent).counts(export.grid, export.rules)
    wanted = compute_profile(taken, export.grid, profiled_scores(model.task, model.classes, scores))
    broken = Counter(export.rules.held[at - 1].name for at in got.broken[~good].tolist())
    grid = export.grid
    return [
        *([] if counts.rows == rows.rows else ["rows"]),
        *sorted({name for name, _ in broken.items() ^ counts.broken.items()}),
        *(name for name in wanted if not _alike(grid[name], wanted[name], counts.profile[name])),
    ]


def _alike(grid: ColumnGrid, wanted: ColumnProfile, sent: ColumnProfile) -> bool:
    """Equal in all that a device counts, sums within what rounding can do to them."""
    rest = ("total", "total_squares", "fine", "registers", "new")
    same = replace(sent, **{name: getattr(wanted, name) for name in rest}) == wanted
    if not same or not isinstance(grid, NumberGrid):
        return same
    counts = wanted.fine.counts
    ends = np.abs([sent.low or 0.0, *grid.fine, sent.high or 0.0])
    most = np.maximum(ends[:-1], ends[1:])
    with np.errstate(over="ignore"):
        near = np.abs(sent.fine.sums - wanted.fine.sums) <= 1e-9 * counts * most
    squares = math.isclose(sent.total_squares, wanted.total_squares, rel_tol=1e-9)
    return bool(squares and near.all() and np.array_equal(counts, sent.fine.counts))


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
