"""The exception hierarchy. Each class has its own exit code.

::

    AssayError                      1
    |- UsageError                   2   the command line is not valid
    |- GateNotPassed                3   the verdict is not PASS
    |- LimitCrossed                 4   monitoring found a value over its limit
    |- LockStale                    5   dvc.lock is out of date
    |- RetrainAdvised               6   matured performance is past a retrain rule's limit
    |- ChecksFailed                 7   a check of assay doctor failed
    |- MemoryShort                  8   memory does not suffice, or ran out
    |- ExtraMissing                 9   a library of one of Assay's extras is not installed
    |- ProjectError
    |  |- ParamsError              10   params.yaml
    |  |- PluginError              11   a class or function named in params.yaml
    |  |- ContractFileError        12   the contract file itself
    |  |- PipelineFileError        13   dvc.yaml or dvc.lock
    |  |- BehaviourError           14   a behaviour check does not apply here
    |  |- ProjectUnready           15   assay check: what is wrong before the first dvc repro
    |- DataError
    |  |- ContractBroken           20   the table breaks its contract
    |  |- SchemaMismatch           21   columns missing, renamed or of another type
    |  |- LabelError               22   the label is not usable for training
    |  |- NightNotFound            23   no such partition
    |  |- NightEmpty               24   a partition without rows
    |  |- SourceError              25   the source cannot be read
    |  |- StageInputMissing        26   an earlier stage has not run
    |  |- DataOutOfReach           27   a fork's pull request is not judged: no access to the data
    |- BundleError
    |  |- BundleMissing            30
    |  |- BundleChanged            31   content does not match the digest
    |  |- BundleUntrusted          32   the model has types that are not allowed
    |  |- BundleIncompatible       33   made with other library versions than those installed
    |- RegistryError
    |  |- NotARepository           40   no git repository here
    |  |- NoChampion               41   no version holds the stage
    |  |- PromotionRefused         42
    |  |- VersionUnknown           43
    |  |- TrackedByGit             44   git tracks data, a model or the store
    |  |- RemoteFailed             45   DVC's remote does not answer, or refuses
    |- RunError
       |- JavaMissing              50
       |- RunHeld                  51   written but not published
       |- StoreError               52
       |  |- NotSynced             52   the disk reported an error of what was written
       |- NothingScored            53   no run has published this night
       |- SparkFailed              54   Spark did not start, or failed
       |- RowCountMismatch         55   rows read are not rows scored plus rows quarantined
       |- ScoresInvalid            56   the model returned invalid scores
       |- PublishConflict          57   another run published the night in the meantime
       |- RunUnknown               58   no such run, or none in the requested state
       |- ExportFailed             59   predictions could not be written to their target
       |- AlertUndelivered         60   a message was not delivered; the next call retries it
       |- CodeHostFailed           61   GitHub or GitLab did not take a comment or an issue
       |- ScoringFailed            62   a model or the project's code failed, or memory ran out

A full or read-only disk ends with 1 if no class above applies. Two codes belong to no class: 70
for an unexpected error (a bug) and 130 for an interrupt.
"""

from __future__ import annotations

import errno
import re
from typing import Any, Self, TypeVar

UNFORESEEN = 70
INTERRUPTED = 130

_SECRETS = (
    re.compile(r"(//?[^\s:/@]*):\S*@"),
    re.compile(r"(//?[^\s:/@]*):(?!\s|\d+(?:[/?#\s,).:;]|$))[^@'\"]*@"),
    re.compile(r"(?i)((?:password|passwd|pwd|secret)=)[^&\s;,'\")]+(?<!\*)"),
)


def _on_one_line(text: str) -> str:
    """A message on one line, whatever a cell or key brings into it, and without passwords."""
    return mask_passwords(" ".join(text.split()))


def mask_passwords(text: str) -> str:
    """``text`` with the passwords of all URLs masked.

    >>> mask_passwords("no address: postgresql://ada:s3#c/ret@db:5432/scores?sslpassword=x")
    'no address: postgresql://ada:***@db:5432/scores?sslpassword=***'
    """
    for secret, by in zip(_SECRETS, (r"\1:***@", r"\1:***@", r"\1***"), strict=True):
        text = secret.sub(by, text)
    return text


class AssayError(Exception):
    """Base class: what went wrong, where, what was expected and found, and how to fix it.

    Parameters
    ----------
    what
        The fact, without a full stop.
    where
        The file, key or column.
    expected, found
        Left out of the message if None.
    mend
        What the user can do now.

    Attributes
    ----------
    report
        The result that was written before the error, to be shown to the user; None if none was.
    """

    exit_code = 1
    report: object = None
    what: str
    where: str | None = None
    expected: str | None = None
    found: str | None = None
    mend: str | None = None

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        mend: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.expected = expected
        self.found = found
        self.mend = mend
        super().__init__(self.line())

    def line(self) -> str:
        """The whole message on one line."""
        text = f"{self.where}: {self.what}" if self.where else self.what
        facts = [
            f"{name} {value}"
            for name, value in (("expected", self.expected), ("found", self.found))
            if value is not None
        ]
        if facts:
            text += f" ({', '.join(facts)})"
        if self.mend:
            text += f". {self.mend}"
        return _on_one_line(text)

    def attach_report(self, report: object) -> Self:
        """Attach ``report``, the result that was written before the error; returns the error."""
        return attach_report(self, report)

    def lines(self) -> list[str]:
        """One line per mistake; most errors have one."""
        return [self.line()]

    def plain(self) -> dict[str, Any]:
        """The error as plain values, for JSON; ``lines`` as on standard error."""
        parts = {
            "message": self.what,
            "where": self.where,
            "expected": self.expected,
            "found": self.found,
            "mend": self.mend,
        }
        return {
            "code": type(self).__name__,
            "exit_code": self.exit_code,
            **{name: None if text is None else _on_one_line(text) for name, text in parts.items()},
            "lines": self.lines(),
        }

    def __reduce__(self) -> tuple[object, ...]:
        # Pickling would lose keyword-only arguments on the way back from a Spark worker.
        return (_rebuild, (type(self), self.__dict__))


class _Several(Exception):
    """For errors that report several mistakes at once; ``mistakes`` has one line for each."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = [_on_one_line(each) for each in mistakes]
        self.what = "; ".join(self.mistakes)
        super().__init__("; ".join(mistakes))

    def lines(self) -> list[str]:
        return self.mistakes


E = TypeVar("E", bound=BaseException)


def attach_report(error: E, report: object) -> E:
    """Attach ``report``, the result that was written before the error; returns the error."""
    vars(error)["report"] = report
    return error


def attached_report(error: BaseException) -> object:
    """The report that `attach_report` attached to the error, or None."""
    return getattr(error, "report", None)


def _rebuild(kind: type[AssayError], state: dict[str, object]) -> AssayError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (error.line(),)
    return error


MACHINE = frozenset(
    {
        errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM,
        errno.EMFILE, errno.ENFILE,
    }
)  # fmt: skip
"""errno values caused by the machine: full disk, missing permission, I/O error, file limits."""


def from_os_error(error: BaseException) -> AssayError | None:
    """An AssayError if the machine caused ``error`` (`MACHINE`), so it is not a bug; else None."""
    if _MANY_FILES.search(str(error)):  # also where a library in Rust says so, and panics
        return AssayError(
            "this process may not have so many files open",
            found=" ".join(str(error).split())[:300],
            mend="Raise the limit (ulimit -n 1024), then run the same command again.",
        )
    if not isinstance(error, OSError) or error.errno not in MACHINE:
        return None
    return AssayError(
        "cannot be read or written",
        where=None if error.filename is None else str(error.filename),
        found=error.strerror,
        mend="Check the disk, its room and who may write there, then run the same command again.",
    )


_MANY_FILES = re.compile("too many open files", re.IGNORECASE)


_NO_ROOM = re.compile(
    r"failed to map segment|cannot allocate memory|can't (start new|spawn worker) thread"
    r"|\bMemoryError\b|failed to launch worker thread|memory allocation (of \d+ bytes|still) failed"
    r"|find/load shared object file 'libllvmlite",
    re.IGNORECASE,
)


def from_memory_error(error: BaseException) -> AssayError | None:
    """A MemoryShort if memory ran out, so it is not a bug; else None. Arrow's error is one too.

    Where a process may have little address space (``ulimit -v``), libraries and threads that cannot
    be loaded or started say so in their own ways.
    """
    if not isinstance(error, MemoryError) and not _NO_ROOM.search(str(error)):
        return None
    return MemoryShort(
        "memory ran out, so this was not done",
        found=" ".join(str(error).split())[:300] or None,
        mend="Give it more memory, or a higher limit where there is one (ulimit -v). Or lower what "
        "is held at a time: score.batch_rows for nights; the windows under prepare, features or "
        "their categories for a model.",
    )


class UsageError(AssayError):
    exit_code = 2


class GateNotPassed(AssayError):
    exit_code = 3


class LimitCrossed(AssayError):
    exit_code = 4


class LockStale(_Several, AssayError):
    """Reports all changed stages at once; ``mistakes`` has one line per stage."""

    exit_code = 5


class RetrainAdvised(AssayError):
    exit_code = 6


class ChecksFailed(AssayError):
    exit_code = 7


class MemoryShort(AssayError):
    """Memory does not suffice by an estimate, or ran out."""

    exit_code = 8


class ExtraMissing(AssayError):
    """A library is not installed; names the extra that brings it (`assay.project.extras`)."""

    exit_code = 9

    def __init__(self, needs: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"this needs {needs}: pip install 'assay[{extra}]'")


class ProjectError(AssayError):
    """A problem in the project's own files."""


class ProjectUnready(_Several, ProjectError):
    """Reports all that is wrong in the project's files at once, one line each."""

    exit_code = 15


class ParamsError(_Several, ProjectError):
    """Reports all mistakes of params.yaml at once; ``mistakes`` has one line per mistake."""

    exit_code = 10


class PluginError(ProjectError):
    exit_code = 11


class ContractFileError(ProjectError):
    exit_code = 12


class PipelineFileError(ProjectError):
    exit_code = 13


class BehaviourError(ProjectError):
    exit_code = 14


class DataError(AssayError):
    """A problem in the data."""


class ContractBroken(DataError):
    exit_code = 20


class SchemaMismatch(_Several, DataError):
    """Reports all mismatched columns at once; ``mistakes`` has one line per column."""

    exit_code = 21


class LabelError(DataError):
    exit_code = 22


class NightNotFound(DataError):
    exit_code = 23


class NightEmpty(DataError):
    exit_code = 24


class SourceError(DataError):
    exit_code = 25


class StageInputMissing(DataError):
    exit_code = 26


class DataOutOfReach(DataError):
    exit_code = 27


class BundleError(AssayError):
    """A problem with a bundle."""


class BundleMissing(BundleError):
    exit_code = 30


class BundleChanged(BundleError):
    exit_code = 31


class BundleUntrusted(BundleError):
    exit_code = 32


class BundleIncompatible(BundleError):
    exit_code = 33


class RegistryError(AssayError):
    """A problem with versions or registry stages."""


class NotARepository(RegistryError):
    exit_code = 40


class NoChampion(RegistryError):
    exit_code = 41


class PromotionRefused(RegistryError):
    exit_code = 42


class VersionUnknown(RegistryError):
    exit_code = 43


class TrackedByGit(RegistryError):
    exit_code = 44


class RemoteFailed(RegistryError):
    """DVC's remote does not answer, or refuses."""

    exit_code = 45


class RunError(AssayError):
    """A problem in a scoring run."""


class JavaMissing(RunError):
    exit_code = 50


class RunHeld(RunError):
    exit_code = 51


class StoreError(RunError):
    exit_code = 52


class NotSynced(StoreError):
    """The disk reported an error of what was written. To try again would hide it: it tells once."""


class NothingScored(RunError):
    exit_code = 53


class SparkFailed(RunError):
    exit_code = 54


class RowCountMismatch(RunError):
    exit_code = 55


class ScoresInvalid(RunError):
    exit_code = 56


class PublishConflict(RunError):
    exit_code = 57


class RunUnknown(RunError):
    exit_code = 58


class ExportFailed(RunError):
    exit_code = 59


class AlertUndelivered(RunError):
    exit_code = 60


class CodeHostFailed(RunError):
    exit_code = 61


class ScoringFailed(RunError):
    exit_code = 62
