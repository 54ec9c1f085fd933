"""`assay export-model`: write a promoted model for machines without Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from assay.columns.features import FrameFeatures
from assay.compiled.edge_cases import FeaturesInMemory, load_features
from assay.compiled.scorer import CompiledModel
from assay.edge import c_check, onnx_check, onnx_graph
from assay.edge.c_source import Export, write_c
from assay.edge.hard_rows import Expected, differences, expected, hard_rows
from assay.edge.rules import DeviceRules, device_rules
from assay.errors import ExportUnproven, ModelNotExported, UsageError
from assay.project import extras
from assay.project.params import Params
from assay.project.partitions import check_parent, replace_folder
from assay.project.text import counted
from assay.registry.pin import pin_named

Format = Literal["c", "onnx"]

EXPORTS = Path("exports")
_TOLERANCE = 1e-12


@dataclass(frozen=True)
class ExportedFile:
    """A written file, and its size."""

    file: str
    bytes: int


@dataclass(frozen=True)
class ExportResult:
    """What was written, and on what evidence.

    Attributes
    ----------
    rows
        How many rows the files gave Assay's own answers for.
    compared_by
        What they were compiled or run with.
    left_out
        The checks of the contract that the files do not make.
    """

    version: str
    bundle: str
    to: Format
    folder: str
    files: tuple[ExportedFile, ...]
    rows: int
    compared_by: str
    left_out: tuple[str, ...]


def run(
    root: Path, params: Params, wanted: str | None, to: Format, out: Path | None, strict: bool
) -> ExportResult:
    """Write a version's model into a folder, after it gave its own scores.

    Parameters
    ----------
    wanted
        A version, such as ``v0.2.0``, or a stage; None stands for the project's stage.
    out
        The folder, which must not have files yet; by default one below ``exports``.
    strict
        Refuse a model whose contract has checks that the file cannot make.

    Raises
    ------
    ModelNotExported
        The version is unverified, its model is not compiled, or something of it cannot be
        expressed.
    ExportUnproven
        The file gave another answer than Assay, or could not be run.
    ExtraMissing
        There is no C compiler, or neither onnx nor onnxruntime.
    UsageError
        The folder has files, or cannot be written.
    """
    if out is not None:
        check_parent(out, "--out")
    export, sample = _export(root, params, wanted)
    if to == "onnx":
        extras.require("onnx", "onnxruntime")
        export = replace(export, rules=expressed(export.rules))
    folder = out or root / EXPORTS / f"{export.name}-{export.version}-{to}"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            "it is there already",
            where=str(folder),
            expected="a folder that is new or empty",
            fix="Name another with --out, or delete it.",
        )
    if strict and export.rules.left_out:
        raise ModelNotExported(
            f"{counted(len(export.rules.left_out), 'check')} of the contract cannot be made there",
            where=f"{export.version}, --strict",
            found="; ".join(export.rules.left_out),
            fix="Check these before a row is scored, and leave out --strict.",
        )
    rows, compared_by, files = (_as_c if to == "c" else _as_onnx)(export, sample)
    try:
        with replace_folder(folder) as made:
            for name, data in files.items():
                (made / name).write_bytes(data)
    except OSError as error:
        raise UsageError("cannot be written", where=str(folder), found=str(error)) from None
    return ExportResult(
        export.version,
        export.bundle,
        to,
        str(folder),
        tuple(ExportedFile(name, len(data)) for name, data in files.items()),
        rows,
        compared_by,
        export.rules.left_out,
    )


def _export(root: Path, params: Params, wanted: str | None) -> tuple[Export, FeaturesInMemory]:
    """The model of a verified version, and ordinary rows of it."""
    pinned = pin_named(root, params, wanted)
    version = pinned.version.version
    where = f"{params.name} {version}"
    if pinned.doubt is not None:
        raise ModelNotExported(
            "only a verified version leaves the house",
            where=where,
            found=pinned.doubt,
            fix="Promote a gated bundle: assay promote.",
        )
    model, manifest = pinned.bundle.scorer, pinned.bundle.manifest
    if not isinstance(model, CompiledModel):
        raise ModelNotExported(
            "its model is not compiled, so there are no arrays to write",
            where=where,
            expected="a model of docs/tasks.md that is compiled",
            found=str(manifest.compiled["reason"]),
            fix="Train one, gate it and promote it.",
        )
    if model.inputs.texts:
        names = [model.inputs.categorical[text.place] for text in model.inputs.texts]
        raise ModelNotExported(
            "it reads free text, which would need Unicode's tables of letters on the device",
            where=where,
            expected="a model of numbers and categories",
            found=f"the role text of {', '.join(dict.fromkeys(names))}",
            fix="Score it with assay serve, or promote a model without it.",
        )
    sample = load_features(
        FrameFeatures(pinned.bundle.sample()), model.inputs.numeric, model.inputs.categorical
    )
    rules = device_rules(pinned.contract, model.inputs.numeric, model.inputs.categorical)
    export = Export(version, pinned.bundle.digest, manifest, pinned.contract, rules, model)
    return export, sample


def _as_c(export: Export, sample: FeaturesInMemory) -> tuple[int, str, dict[str, bytes]]:
    categories = [name for names in export.model.inputs.categories for name in names]
    if zeros := [name for name in categories if "\0" in name]:
        raise ModelNotExported(
            "a category holds a zero byte, at which a text ends in C",
            where=export.version,
            found=repr(zeros[0]),
        )
    compiler = c_check.find_compiler()
    with TemporaryDirectory(prefix="assay-edge-") as scratch:
        program = c_check.build(export, Path(scratch), compiler)
        run_program = c_check.runner(program)
        rows = compare(export, sample, lambda rows: c_check.answers(run_program, export, rows))
    files = {name: text.encode() for name, text in write_c(export).items()}
    return rows, " ".join((*map(_short, compiler), *c_check.FLAGS)), files


def _short(word: str) -> str:
    return Path(word).name if "/" in word else word


def expressed(rules: DeviceRules) -> DeviceRules:
    """The checks without those that ONNX cannot make."""
    held = tuple(rule for rule in rules.held if rule.kind in onnx_graph.EXPRESSED)
    gone = (rule.name for rule in rules.held if rule not in held)
    return DeviceRules(held, (*rules.left_out, *gone))


def _as_onnx(export: Export, sample: FeaturesInMemory) -> tuple[int, str, dict[str, bytes]]:
    from importlib.metadata import version

    data = onnx_graph.write_onnx(export)
    answers = onnx_check.runner(onnx_check.session(data), export.model)
    rows = compare(export, sample, answers, onnx_check.empty_as_missing)
    by = f"onnxruntime {version('onnxruntime')}, one thread"
    return rows, by, {f"{export.name}.onnx": data}


def compare(
    export: Export,
    sample: FeaturesInMemory,
    answers: Callable[[FeaturesInMemory], Expected],
    as_given: Callable[[FeaturesInMemory], FeaturesInMemory] = lambda rows: rows,
) -> int:
    """Compare a file with Assay's own answers on the hard rows; how many rows there were.

    Parameters
    ----------
    as_given
        The rows as the file's users can give them.

    Raises
    ------
    ExportUnproven
        It gave another answer.
    """
    count = 0
    for rows in hard_rows(export.model, export.rules, sample):
        rows = as_given(rows)
        count += rows.rows
        wanted = expected(export.model, export.contract, export.rules, rows)
        if differing := differences(wanted, answers(rows), _TOLERANCE):
            raise ExportUnproven(
                "the file would give other scores, so it was not written",
                where=export.version,
                found=differing,
                fix="Try another compiler (CC=gcc) or onnxruntime. If none does, please report it.",
            )
    return count
