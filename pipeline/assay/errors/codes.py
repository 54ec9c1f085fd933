"""Exit codes and what each means: `assay explain CODE`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

from assay import errors
from assay.errors import (
    INTERRUPTED,
    UNFORESEEN,
    AlertUndelivered,
    AssayError,
    BundleMissing,
    LimitCrossed,
    PublishConflict,
    RetrainAdvised,
    RunHeld,
    SourceError,
    SparkFailed,
    StoreError,
    UsageError,
)

ANSWERS = tuple(sorted(kind.exit_code for kind in (LimitCrossed, RetrainAdvised, RunHeld)))
"""Exit codes that say something about the data or the model: nothing failed, a retry is no use."""

PASSING = tuple(
    sorted(
        kind.exit_code
        for kind in (
            SourceError, BundleMissing, StoreError, SparkFailed, PublishConflict, AlertUndelivered,
        )
    )
)  # fmt: skip
"""Exit codes of failures that may be gone a few minutes later, so that a retry makes sense."""


@dataclass(frozen=True)
class ErrorCode:
    """One exit code and what it means; ``name`` is the class of the error, if it has one."""

    code: int
    name: str
    what: str
    cause: str
    advice: str


@dataclass(frozen=True)
class ErrorCodes:
    """Exit codes, by number."""

    codes: tuple[ErrorCode, ...]


_WITHOUT_CLASS = (
    ErrorCode(0, "", "All is well.", "-", "-"),
    ErrorCode(
        AssayError.exit_code,
        "",
        "The machine got in the way, or an error of no kind of its own.",
        "a full or read-only disk, missing rights, a damaged file of a stage",
        "the line names the file; correct it and run the same command again",
    ),
    ErrorCode(
        UNFORESEEN,
        "",
        "An error that nobody foresaw: a bug in Assay.",
        "-",
        "run it again with ASSAY_DEBUG=1 and report what it prints",
    ),
    ErrorCode(
        INTERRUPTED,
        "",
        "Somebody pressed Ctrl-C, or the process was told to end.",
        "-",
        "run it again: nothing was left half-written",
    ),
)


def kinds() -> Iterator[type[AssayError]]:
    """All classes of errors with a code of their own."""
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, AssayError) and "exit_code" in vars(kind):
            if kind is not AssayError:
                yield kind


def explain(word: str | None) -> ErrorCodes:
    """The code that a number or the name of an error's class stands for; all without one.

    Raises
    ------
    UsageError
        No error has this code or name.
    """
    codes = [*_WITHOUT_CLASS]
    for kind in kinds():
        what = (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ")
        codes.append(ErrorCode(kind.exit_code, kind.__name__, what, kind.cause, kind.advice))
    codes.sort(key=lambda each: each.code)
    if word is not None:
        codes = [each for each in codes if word and word in (str(each.code), each.name)]
    if not codes:
        raise UsageError(
            "no error has this code",
            where=f"assay explain {word}",
            expected="an exit code such as 42, or the name of an error; assay explain lists all",
            found=word,
        )
    return ErrorCodes(tuple(codes))
