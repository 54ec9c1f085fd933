"""The contract that a version was trained under, read from the files of its commit.

The files come from git, or from a folder that keeps them. They determine which rows a version
refuses, so their digest must be the one in the version's bundle.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from assay.contract.definition import Contract
from assay.contract.loader import load_contract_text
from assay.errors import AssayError, BundleChanged, StageInputMissing
from assay.project import digests, layout, source_code
from assay.project.params import ContractParams, parse


def contract_files(read: source_code.Reader, version: str) -> dict[str, str]:
    """params.yaml, the contract file and the project's modules that it imports: path -> text.

    What is missing, or cannot be found because params.yaml is invalid, is left out; then
    `load_kept_contract` says why.

    Parameters
    ----------
    read
        Reads the files of the project as of the version's commit.
    """
    given = read(layout.PARAMS)
    if given is None:
        return {}
    found = {layout.PARAMS: given}
    try:
        file = parse(given, f"{layout.PARAMS} at {version}").contract.file
    except AssayError:
        return found
    source = read(file)
    if source is not None:
        found |= {file: source, **digests.contract_imports(read, file)}
    return found


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
    """`load_committed_contract` from a folder that holds `contract_files`.

    Raises
    ------
    StageInputMissing
        The folder lacks params.yaml or the contract file.
    """
    read = source_code.file_reader(folder)

    def text(path: str) -> str:
        found = read(path)
        if found is None:
            raise StageInputMissing(
                "was not in git at the promoted commit",
                where=f"{path} at {version}",
                fix="In a shallow clone, get the whole history: git fetch --unshallow --tags; "
                "then dvc repro champion.",
            )
        return found

    return load_committed_contract(text, read, version, expected)
