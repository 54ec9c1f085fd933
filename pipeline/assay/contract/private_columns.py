"""Which columns of a project say who a person is, as its contract of today has it."""

from __future__ import annotations

from pathlib import Path

from assay.errors import AssayError
from assay.errors.base import set_private
from assay.project.params import Params


def private_columns(root: Path, params: Params) -> frozenset[str]:
    """The contract's private columns.

    It is only loaded if it, or a module beside it, has the word pii.

    Raises
    ------
    ContractFileError
        It cannot be read.
    """
    file = root / params.contract.file
    texts = (each.read_text("utf-8", "ignore") for each in file.parent.glob("*.py"))
    if not any("pii" in text for text in texts):
        return frozenset()
    from assay.contract.loader import read_contract

    return frozenset(read_contract(file, params.contract.file, root=root).private)


def keep_private(root: Path, params: Params) -> None:
    """Let no message of this process tell values of private columns.

    A contract that cannot be read hides what libraries quote; the command itself says why.
    """
    try:
        names = private_columns(root, params)
    except (AssayError, OSError):
        names = frozenset({""})
    set_private(names)
