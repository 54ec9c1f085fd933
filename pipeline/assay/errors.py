"""Every way Assay can refuse, as one tree. Each class has an exit code of its own.

::

    AssayError                      1
    |- UsageError                   2   the command line makes no sense
    |- GateNotPassed                3   the verdict is not PASS
    |- LimitCrossed                 4   monitoring found something over its limit
    |- LockStale                    5   dvc.lock does not describe the project any more
    |- RetrainAdvised               6   matured performance is over a retrain rule's limit
    |- ProjectError
    |  |- ParamsError              10   params.yaml
    |  |- PluginError              11   a class or function named in params.yaml
    |  |- ContractFileError        12   the contract file itself
    |  |- PipelineFileError        13   dvc.yaml or dvc.lock
    |  |- BehaviourError           14   a behaviour check that makes no sense here
    |- DataError
    |  |- ContractBroken           20   the table breaks its contract
    |  |- SchemaMismatch           21   columns missing, renamed or of another type
    |  |- LabelError               22   the label cannot be learnt from
    |  |- NightNotFound            23   no such partition
    |  |- NightEmpty               24   a partition without rows
    |  |- SourceError              25   the source cannot be read
    |  |- StageInputMissing        26   an earlier stage has not run
    |- BundleError
    |  |- BundleMissing            30
    |  |- BundleChanged            31   bytes differ from the digest
    |  |- BundleUntrusted          32   the model holds types nobody allowed
    |  |- BundleIncompatible       33   made by other versions than those installed
    |- RegistryError
    |  |- NotARepository           40   no git repository here
    |  |- NoChampion               41   nothing holds the stage
    |  |- PromotionRefused         42
    |  |- VersionUnknown           43
    |  |- TrackedByGit             44   git holds data, a model or the store
    |- RunError
       |- JavaMissing              50
       |- RunHeld                  51   written but not published
       |- StoreError               52
       |- NothingScored            53   asked about a night no run has published
       |- SparkFailed              54   Spark did not start, or gave up
       |- BooksUnbalanced          55   rows read are not rows scored plus rows refused
       |- ScoresInvalid            56   the model gave something that is no score
       |- RunOvertaken             57   another run published the night in the meantime
       |- RunUnknown               58   no such run, or none in the state that was asked for
       |- ExportFailed             59   predictions could not be written to their target
       |- AlertUndelivered         60   a message did not arrive; it waits for the next call

A full disk, or one that may not be written, ends with 1 where no class above says more.
Two codes belong to no class: 70 for an error that Assay did not foresee (a bug)
and 130 for an interrupt.
"""

from __future__ import annotations

import errno
import re
from typing import Self, TypeVar

UNFORESEEN = 70
INTERRUPTED = 130

_SECRETS = (
    re.compile(r"(//?[^\s:/@]*):\S*@"),
    re.compile(r"(//?[^\s:/@]*):(?!\s|\d+(?:[/?#\s,).:;]|$))[^@'\"]*@"),
    re.compile(r"(?i)((?:password|passwd|pwd|secret)=)[^&\s;,'\")]+(?<!\*)"),
)


def masked(text: str) -> str:
    """``text`` with no password of any address that is in it.

    >>> masked("no address: postgresql://ada:s3#c/ret@db:5432/scores?sslpassword=x")
    'no address: postgresql://ada:***@db:5432/scores?sslpassword=***'
    """
    for secret, by in zip(_SECRETS, (r"\1:***@", r"\1:***@", r"\1***"), strict=True):
        text = secret.sub(by, text)
    return text


class AssayError(Exception):
    """What went wrong, where, what was expected, what was found, how to mend it.

    Parameters
    ----------
    what
        The fact, without a full stop.
    where
        File, key or column it is about.
    expected, found
        Left out of the message when None.
    mend
        What the user can do now.

    Attributes
    ----------
    report
        What was done and written before it, to be shown to people; None if nothing was.
    """

    exit_code = 1
    report: object = None

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
        return masked(" ".join(text.split()))

    def after(self, report: object) -> Self:
        """The same error, to be raised once ``report`` was written."""
        return after(self, report)

    def lines(self) -> list[str]:
        """One line a mistake; most errors are a single mistake."""
        return [self.line()]

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments would be lost on the way back from a Spark worker.
        return (_rebuild, (type(self), self.__dict__))


E = TypeVar("E", bound=BaseException)


def after(error: E, report: object) -> E:
    """The same error; whoever shows it finds ``report``, what was done before it, on it."""
    vars(error)["report"] = report
    return error


def done_before(error: BaseException) -> object:
    """What `after` left on the error, None if nothing."""
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
"""What the machine says no with, whoever asks: no room, no right, a disk that fails."""


def of_machine(error: BaseException) -> AssayError | None:
    """The error as one line if it is the machine's word and no mistake of Assay's, else None."""
    if not isinstance(error, OSError) or error.errno not in MACHINE:
        return None
    return AssayError(
        "cannot be read or written",
        where=None if error.filename is None else str(error.filename),
        found=error.strerror,
        mend="Check the disk, its room and who may write there, then run the same command again.",
    )


class UsageError(AssayError):
    exit_code = 2


class GateNotPassed(AssayError):
    exit_code = 3


class LimitCrossed(AssayError):
    exit_code = 4


class LockStale(AssayError):
    """All stages that changed at once; ``mistakes`` holds a line for each."""

    exit_code = 5

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = [masked(each) for each in mistakes]
        super().__init__("; ".join(mistakes))

    def lines(self) -> list[str]:
        return self.mistakes


class RetrainAdvised(AssayError):
    exit_code = 6


class ProjectError(AssayError):
    """Something in the project's own files."""


class ParamsError(ProjectError):
    """All mistakes of params.yaml at once; ``mistakes`` holds a line for each."""

    exit_code = 10

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = [masked(each) for each in mistakes]
        super().__init__("; ".join(mistakes))

    def lines(self) -> list[str]:
        return self.mistakes


class PluginError(ProjectError):
    exit_code = 11


class ContractFileError(ProjectError):
    exit_code = 12


class PipelineFileError(ProjectError):
    exit_code = 13


class BehaviourError(ProjectError):
    exit_code = 14


class DataError(AssayError):
    """Something in the data."""


class ContractBroken(DataError):
    exit_code = 20


class SchemaMismatch(DataError):
    """All columns that do not fit at once; ``mistakes`` holds a line for each."""

    exit_code = 21

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = [masked(each) for each in mistakes]
        super().__init__("; ".join(mistakes))

    def lines(self) -> list[str]:
        return self.mistakes


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


class BundleError(AssayError):
    """Something about a bundle."""


class BundleMissing(BundleError):
    exit_code = 30


class BundleChanged(BundleError):
    exit_code = 31


class BundleUntrusted(BundleError):
    exit_code = 32


class BundleIncompatible(BundleError):
    exit_code = 33


class RegistryError(AssayError):
    """Something about versions and stages."""


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


class RunError(AssayError):
    """Something about a scoring run."""


class JavaMissing(RunError):
    exit_code = 50


class RunHeld(RunError):
    exit_code = 51


class StoreError(RunError):
    exit_code = 52


class NothingScored(RunError):
    exit_code = 53


class SparkFailed(RunError):
    exit_code = 54


class BooksUnbalanced(RunError):
    exit_code = 55


class ScoresInvalid(RunError):
    exit_code = 56


class RunOvertaken(RunError):
    exit_code = 57


class RunUnknown(RunError):
    exit_code = 58


class ExportFailed(RunError):
    exit_code = 59


class AlertUndelivered(RunError):
    exit_code = 60
