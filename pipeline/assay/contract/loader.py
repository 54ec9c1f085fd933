"""Reads the contract file into a Contract; every possible mistake in it has an error message.

Also the contract that a version was trained under, from the files of its commit: from git, or from
a folder that keeps them. They determine which rows a version refuses, so their digest must be the
one in the version's bundle.
"""

from __future__ import annotations

import copyreg
import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from assay.contract.checks.check_runner import (
    absent_column,
    call_check,
    check_error,
    invalid_result_error,
)
from assay.contract.columns import to_frame
from assay.contract.contract_file import ContractCodeStopped, ContractSource, import_pandera
from assay.contract.contradictions import contradictions, find_label, find_weight
from assay.contract.definition import Contract
from assay.contract.schema import canonical_schema
from assay.errors import BundleChanged, ContractFileError, StageInputMissing
from assay.project import digests, layout, source_code
from assay.project.params import ContractParams, parse

if TYPE_CHECKING:
    from pandera.pandas import DataFrameModel


def load_contract(path: Path, name: str | None = None, *, root: Path | None = None) -> Contract:
    """Read the contract file at ``path``, and refuse what cannot be meant.

    Parameters
    ----------
    name, root
        As in `read_contract`.

    Raises
    ------
    ContractFileError
        For the first mistake, or the first of `contradictions`, with file and line.
    """
    contract = read_contract(path, name, root=root)
    for fault in contradictions(contract):
        raise fault
    return contract


def read_contract(path: Path, name: str | None = None, *, root: Path | None = None) -> Contract:
    """Read the contract file at ``path``, whether or not what it says agrees.

    Parameters
    ----------
    name
        The file's name in errors; by default the path.
    root
        The project, whose own modules the file may import.

    Raises
    ------
    ContractFileError
        For the first mistake, with file and line.
    """
    name = name or path.as_posix()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ContractFileError(
            "no such file",
            where=name,
            expected="a Python file with one pandera DataFrameModel",
            fix="Write it, or correct contract.file in params.yaml",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ContractFileError(
            "cannot be read as UTF-8 text", where=name, found=str(error)
        ) from None
    code: source_code.Files = {}
    if root is not None and path.is_relative_to(root):
        inside = path.relative_to(root).as_posix()
        code = digests.contract_imports(source_code.file_reader(root), inside)
    return load_contract_text(text, name, code)


def load_contract_text(
    text: str, name: str, code: source_code.Files = source_code.NONE
) -> Contract:
    """The contract in ``text``.

    Parameters
    ----------
    name
        The file's name in errors.
    code
        The project's own modules that the text imports.

    Raises
    ------
    ContractFileError
        For the first mistake, with file and line.
    """
    import_pandera()  # before the file runs: pa.Field(gt=0) uses the checks registered by then
    from assay.contract.pandera_model import fields_of, frame_rules_of

    source = ContractSource(text, name, code)
    # Its imports are resolved from ``code`` through its own built-ins, in any thread
    # (`assay.project.source_code.importing_builtins`).
    model = _model(source.run(), source)
    fields = fields_of(model, source)
    contract = Contract(
        name=model.__name__,
        file=name,
        source=text,
        fields=fields,
        frame_rules=frame_rules_of(model, source, fields),
        label=find_label(fields, source, model.__name__),
        code=tuple(sorted(code.items())),
        weight=find_weight(fields, source),
    )
    probe_checks(contract)
    return contract


def _pickled(contract: Contract) -> tuple[Callable[..., Contract], tuple[object, ...]]:
    """A contract is pickled as its file's text, because its checks are functions of that file."""
    return _again, (contract.source, contract.file, contract.has_label, contract.code)


def _again(source: str, file: str, has_label: bool, code: tuple[tuple[str, str], ...]) -> Contract:
    contract = load_contract_text(source, file, dict(code))
    return contract if has_label else contract.without_label()


# Registered here because Contract itself does not know how files are read.
copyreg.pickle(Contract, _pickled)


def _model(module: ModuleType, source: ContractSource) -> type[DataFrameModel]:
    """The file's only model; base classes of another model in the file do not count."""
    from pandera.pandas import DataFrameModel

    found = [
        each
        for each in vars(module).values()
        if inspect.isclass(each)
        and issubclass(each, DataFrameModel)
        and each.__module__ == module.__name__
    ]
    found = list(dict.fromkeys(found))
    models = [
        each
        for each in found
        if not any(other is not each and issubclass(other, each) for other in found)
    ]
    if len(models) == 1:
        return models[0]
    if not models:
        raise ContractFileError(
            "no contract in it",
            where=source.location(1),
            expected="one class that extends pandera.pandas.DataFrameModel",
            found="none",
            fix="Write 'import pandera.pandas as pa' and 'class Row(pa.DataFrameModel): ...'",
        )
    names = ", ".join(
        f"{each.__name__} (line {source.class_line(each.__name__)})" for each in models
    )
    raise ContractFileError(
        "more than one contract in it",
        where=source.location(source.class_line(models[1].__name__)),
        expected="one class that extends pandera.pandas.DataFrameModel",
        found=names,
        fix="Keep one, or let one extend the other",
    )


def probe_checks(contract: Contract) -> None:
    """Call every check on an empty table, rules over whole rows without the label.

    This rejects mistakes when the contract is written, not in the first night: a rule that reads
    the label or a column that does not exist, returns one value for the whole table, or
    exits the process. A check that merely fails on empty data is not a mistake.

    Raises
    ------
    ContractFileError
        Names the rule, its line, and the remedy.
    """
    scoring = contract.without_label()
    frames = {
        each: to_frame(each, canonical_schema(each).empty_table()) for each in (contract, scoring)
    }
    for rule in contract.rules:
        if rule.test != "check":
            continue
        given = contract if rule.column else scoring
        frame = frames[given]
        try:
            answer = call_check(rule, frame[rule.column] if rule.column else frame)
        except Exception as error:
            mistaken = absent_column(given, rule, error) or _unknown_column(error, contract)
            if mistaken or isinstance(error, ContractCodeStopped):
                raise check_error(given, rule, error) from None
            continue
        if isinstance(answer, (bool, int)) or answer is None or not hasattr(answer, "index"):
            raise invalid_result_error(given, rule, answer)


def _unknown_column(error: Exception, contract: Contract) -> bool:
    return (
        isinstance(error, KeyError)
        and len(error.args) == 1
        and isinstance(error.args[0], str)
        and error.args[0] not in contract.columns
    )


def load_committed_contract(
    text: Callable[[str], str], code: source_code.Reader, version: str, expected: str
) -> tuple[Contract, str, ContractParams]:
    """A version's contract without its label, its digest, and its rules for whole tables.

    Parameters
    ----------
    text
        The text of a file of the project as of the version's commit; raises AssayError if there
        is none.
    code
        Reads the project's own Python files as of that commit.
    version
        Its name in errors.
    expected
        The contract's digest in the manifest of the version's bundle.

    Raises
    ------
    ParamsError
        params.yaml of that commit is not valid for this version of Assay.
    BundleChanged
        The bundle was trained under another contract.
    """
    then = parse(text(layout.PARAMS), f"{layout.PARAMS} at {version}")
    source, where = text(then.contract.file), f"{then.contract.file} at {version}"
    imported = digests.contract_imports(code, then.contract.file)
    digest = digests.contract(source, then, imported)
    if digest != expected:
        raise BundleChanged(
            "the contract at the promoted commit is not the one the model was trained under",
            where=where,
            expected=expected[:19],
            found=digest[:19],
            fix="Run dvc repro, commit and promote again.",
        )
    return load_contract_text(source, where, imported).without_label(), digest, then.contract


def load_kept_contract(
    folder: Path, version: str, expected: str
) -> tuple[Contract, str, ContractParams]:
    """`load_committed_contract` from a folder that holds `assay.project.digests.contract_files`.

    Raises
    ------
    StageInputMissing
        The folder lacks params.yaml or the contract file.
    """
    read = source_code.file_reader(folder)

    def text(path: str) -> str:
        contract = read(path)
        if contract is None:
            raise StageInputMissing(
                "was not in git at the promoted commit",
                where=f"{path} at {version}",
                fix="In a shallow clone, get the whole history: git fetch --unshallow --tags; "
                "then dvc repro champion.",
            )
        return contract

    return load_committed_contract(text, read, version, expected)
