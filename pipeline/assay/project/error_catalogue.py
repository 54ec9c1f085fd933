"""What each exit code means, why it happens, and what to do: `assay explain CODE`.

An error's own line names the place and the values. Here is what is true of all errors of a kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from assay import errors
from assay.errors import AssayError, UsageError


class Advice(NamedTuple):
    """What happened, what usually causes it, and what to do then."""

    what: str
    why: str
    mend: str


_ADVICE: Mapping[str, Advice] = {
    "UsageError": Advice(
        "the command line is not valid",
        "an option is missing, is spelt in another way, or contradicts another one",
        "assay COMMAND --help shows the options and an example",
    ),
    "GateNotPassed": Advice(
        "the verdict is not PASS",
        "a rule, a behaviour or a model test failed or could not tell; or the verdict is about "
        "other files than those that are here",
        "reports/gate/verdict.md says which; assay gate explain 'NAME' shows the numbers behind it",
    ),
    "LimitCrossed": Advice(
        "monitoring found a value over its limit",
        "scores, features or quality of the night are unlike those of the reference",
        "open the page in reports/nights; assay explain-night --date DAY says what moved it",
    ),
    "LockStale": Advice(
        "dvc.lock does not describe the files that are here",
        "code, parameters or data were changed without dvc repro",
        "run dvc repro and commit dvc.lock with the reports",
    ),
    "RetrainAdvised": Advice(
        "labels say that the model became worse than monitor.retrain allows",
        "the world changed since training",
        "train on a newer window (prepare in params.yaml); nothing is promoted by itself",
    ),
    "ChecksFailed": Advice(
        "a check of assay doctor failed",
        "something of this machine is missing, unreachable or full",
        "the lines that are not ok say what to type",
    ),
    "MemoryShort": Advice(
        "memory does not suffice by an estimate, or ran out; nothing was published",
        "a training table that is long or wide, features with very many categories, large batches",
        "lower what the line names: a shorter window, fewer features, score.batch_rows; "
        "docs/scale.md says what takes memory",
    ),
    "ExtraMissing": Advice(
        "a library of one of Assay's extras is not installed",
        "Assay was installed without the extra that this command needs",
        "pip install 'assay[NAME]'; docs/extras.md says which command needs which",
    ),
    "ParamsError": Advice(
        "params.yaml is not valid",
        "an unknown key, a value of another type, a date without quotes; all mistakes are listed",
        "docs/params.md explains each key; assay check names all that is wrong at once",
    ),
    "PluginError": Advice(
        "a class or function that params.yaml names cannot be used",
        "a spelling, a package that is not installed, or arguments that the class refuses",
        "import it in a Python shell from the project's root",
    ),
    "ContractFileError": Advice(
        "the contract file cannot be used",
        "a mistake in Python, a field without a role, an option that Assay does not support, or a "
        "check that reads what is not there",
        "the line is named; assay check tries it without any data",
    ),
    "PipelineFileError": Advice(
        "dvc.yaml or dvc.lock cannot be used",
        "a file that is missing, empty or not valid YAML, or a stage that DVC refuses",
        "dvc status names the same fault; git checkout HEAD -- dvc.yaml dvc.lock restores them",
    ),
    "BehaviourError": Advice(
        "a behaviour under gate.behaviour does not apply to this model or these rows",
        "it changes a column that the contract lacks, or no row of the holdout fits its condition",
        "compare it with the contract; docs/behaviour.md explains each check",
    ),
    "ProjectUnready": Advice(
        "assay check found faults in the project's files",
        "an edit by hand, or a file of another version",
        "mend what each line names, and check again",
    ),
    "ContractBroken": Advice(
        "the table breaks its contract in more rows than contract.max_bad_share allows",
        "bad rows at the source, or a check that is too strict",
        "reports/contract shows which rule and which rows; mend the rows, the check or the share",
    ),
    "SchemaMismatch": Advice(
        "columns are missing, renamed or of another type",
        "the export changed",
        "mend the export, or the contract if the change is meant",
    ),
    "LabelError": Advice(
        "the label cannot be learnt from, or labels that arrived cannot be taken",
        "one class only, too few rows of a class, values that are none, keys of another night",
        "the line names column and value; choose a longer window, or mend the file",
    ),
    "NightNotFound": Advice(
        "the input has no such night",
        "the export is late, or the name is another one; the nearest night is named",
        "look at score.input in params.yaml; assay score --due takes it up later",
    ),
    "NightEmpty": Advice(
        "the night has no rows",
        "an export that failed half way",
        "let the source write it again",
    ),
    "SourceError": Advice(
        "a table cannot be read",
        "a file that is missing or damaged, cells of another type, a database that does not answer",
        "the line names file, line and column; write the file again, or state its format anew",
    ),
    "StageInputMissing": Advice(
        "an earlier stage has not run",
        "results were deleted, or this is a fresh clone",
        "dvc repro, or dvc pull if the results are in the remote",
    ),
    "DataOutOfReach": Advice(
        "a pull request from a fork is not judged: its run may not read the data",
        "the table or the champion is in a bucket, and a fork's run has no credentials",
        "a maintainer reads the change, and types what the line says",
    ),
    "BundleMissing": Advice(
        "the model's bundle is not here",
        "a fresh clone, or a cache that was emptied",
        "dvc pull, or dvc repro; assay doctor says whether the remote answers",
    ),
    "BundleChanged": Advice(
        "a bundle's bytes are not those that its digest names",
        "somebody edited it, or a disk lost something",
        "dvc checkout --force restores it; never score with it",
    ),
    "BundleUntrusted": Advice(
        "the model holds Python types that are not allowed",
        "an estimator of another library",
        "look at them, then list them under bundle.allow_types",
    ),
    "BundleIncompatible": Advice(
        "the bundle was made with other library versions than those installed",
        "an upgrade since it was trained",
        "install the versions that it names, or train again",
    ),
    "NotARepository": Advice(
        "there is no git repository here, or DVC does not know it",
        "a folder that was copied without .git or .dvc",
        "git init, dvc init, or clone it",
    ),
    "NoChampion": Advice(
        "no version holds the stage",
        "nothing was promoted yet, or tags were not fetched",
        "git fetch --tags, or assay promote --because WHY",
    ),
    "PromotionRefused": Advice(
        "the promotion has no sound evidence",
        "a verdict that is not PASS or about something else, a dirty work tree, a tag in the way",
        "dvc repro, commit, and promote again; docs/promotion.md lists what is compared",
    ),
    "VersionUnknown": Advice(
        "there is no such version",
        "a spelling, or tags that were not fetched",
        "assay versions lists them; git fetch --tags",
    ),
    "TrackedByGit": Advice(
        "git tracks data, a model or the store",
        "git add without the entries of .gitignore",
        "git rm --cached the named paths, and ignore them",
    ),
    "RemoteFailed": Advice(
        "DVC's remote does not answer, or refuses",
        "an address, credentials, a network",
        "assay doctor checks it; docs/remotes.md shows how to set it up",
    ),
    "JavaMissing": Advice(
        "there is no Java that Spark can use",
        "JAVA_HOME points to an old one, or the package with Java is not installed",
        "pip install 'assay[spark]', or set JAVA_HOME to Java 17 or newer",
    ),
    "RunHeld": Advice(
        "the night was scored and is not published",
        "a limit of quarantine or publish, a table rule, a gross break of the scores, or the rows "
        "of an earlier night once more",
        "mend the input and score the night again, or assay release RUN --because WHY; "
        "assay quarantine show, if it refused rows",
    ),
    "StoreError": Advice(
        "the store cannot be read or written, or is damaged",
        "a bucket's address or rights, a full disk, a file that was deleted by hand",
        "assay fsck names the damage and how to repair it; docs/tables.md",
    ),
    "NothingScored": Advice(
        "no run has published this night",
        "it was not scored yet, or is held",
        "assay score --date DAY; assay status shows where things stand",
    ),
    "SparkFailed": Advice(
        "Spark did not start, or failed",
        "memory, a master that does not answer, a worker that died",
        "the line has Spark's own reason; nothing was published, so run it again",
    ),
    "RowCountMismatch": Advice(
        "rows read are not rows scored plus rows quarantined",
        "the input changed while it was read, or a bug",
        "run it again; nothing was published. If it stays, report it",
    ),
    "ScoresInvalid": Advice(
        "the model returned scores that are none",
        "NaN, infinities, or numbers outside of 0 to 1",
        "go back with assay rollback, and add a behaviour that shows the rows",
    ),
    "PublishConflict": Advice(
        "another run published the night in the meantime",
        "two schedules, or a run by hand beside one",
        "nothing is lost: the other run's night stands; score again if yours should",
    ),
    "RunUnknown": Advice(
        "there is no such run, or none in the state that is asked for",
        "a spelling, or it was released before",
        "assay status lists held runs",
    ),
    "ExportFailed": Advice(
        "predictions could not be written to their target",
        "rights, an address, a table of another form",
        "the night in the store is as it was; mend the target and export again",
    ),
    "AlertUndelivered": Advice(
        "a message was not delivered",
        "an address that does not answer",
        "the next call tries again; reports/dead-letters keeps it",
    ),
    "CodeHostFailed": Advice(
        "GitHub or GitLab did not take a comment or an issue",
        "rights of the token, a limit of the service, an outage",
        "run it again: what was done half is completed",
    ),
    "ScoringFailed": Advice(
        "the model or the project's own code failed on a night's rows, or memory ran out",
        "rows unlike any in training, a bug in the project's modules, batches that are too large",
        "nothing was published; ASSAY_DEBUG=1 shows where; score.batch_rows bounds memory",
    ),
}

_ALWAYS: Mapping[int, Advice] = MappingProxyType(
    {
        0: Advice("all is well", "-", "-"),
        1: Advice(
            "the machine stood in the way, or an error of no kind of its own",
            "a full or read-only disk, missing rights, a damaged file of a stage",
            "the line names the file; mend it and run the same command again",
        ),
        errors.UNFORESEEN: Advice(
            "an error that nobody foresaw: a bug in Assay",
            "-",
            "run it again with ASSAY_DEBUG=1 and report what it prints",
        ),
        errors.INTERRUPTED: Advice(
            "somebody pressed Ctrl-C, or the process was told to end",
            "-",
            "run it again: nothing was left half-written",
        ),
    }
)


@dataclass(frozen=True)
class ErrorCode:
    """One exit code and what it stands for; ``name`` is the class of the error, if it has one."""

    code: int
    name: str
    what: str
    why: str
    mend: str

    def plain(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "name": self.name,
            "what": self.what,
            "why": self.why,
            "mend": self.mend,
        }


@dataclass(frozen=True)
class ErrorCatalogue:
    """Exit codes, by number."""

    codes: tuple[ErrorCode, ...]

    def plain(self) -> dict[str, Any]:
        return {"codes": [each.plain() for each in self.codes]}


def catalogue() -> ErrorCatalogue:
    """Every exit code of Assay."""
    found = [ErrorCode(code, "", *advice) for code, advice in _ALWAYS.items()]
    found += [ErrorCode(kind.exit_code, kind.__name__, *_ADVICE[kind.__name__]) for kind in kinds()]
    return ErrorCatalogue(tuple(sorted(found, key=lambda each: each.code)))


def kinds() -> Iterator[type[AssayError]]:
    """All classes of errors with a code of their own."""
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, AssayError) and "exit_code" in vars(kind):
            if kind is not AssayError:
                yield kind


def explain(word: str | None) -> ErrorCatalogue:
    """The code that a number or the name of an error's class stands for; all without one.

    Raises
    ------
    UsageError
        No error has this code or name.
    """
    known = catalogue()
    if word is None:
        return known
    found = tuple(
        each for each in known.codes if word in (str(each.code), each.name) and word != ""
    )
    if not found:
        raise UsageError(
            "no error has this code",
            where=f"assay explain {word}",
            expected="an exit code such as 42, or the name of an error; assay explain lists all",
            found=word,
        )
    return ErrorCatalogue(found)
