"""All kinds of errors. Each has its own exit code, what usually causes it, and what to do then.

An error's own line names the place and the values; `assay explain` shows what is true of all errors
of a kind: the first line of its docstring, ``cause`` and ``advice``. A full or read-only disk ends
with 1 if no class here applies. Two codes belong to no class: 70 for an unexpected error (a bug)
and 130 for an interrupt.
"""

from __future__ import annotations

from assay.errors.base import AssayError as AssayError
from assay.errors.base import Several

UNFORESEEN = 70
INTERRUPTED = 130


class UsageError(AssayError):
    """The command line is not valid."""

    exit_code = 2
    cause = "an option is missing, is spelt in another way, or contradicts another one"
    advice = "assay COMMAND --help shows the options and an example"


class GateNotPassed(AssayError):
    """The verdict is not PASS."""

    exit_code = 3
    cause = (
        "a rule, a behaviour or a model test failed or could not tell; or the verdict is about "
        "other files than those that are here"
    )
    advice = (
        "reports/gate/verdict.md says which; assay gate explain 'NAME' shows the numbers behind it"
    )


class LimitCrossed(AssayError):
    """Monitoring found a value over its limit."""

    exit_code = 4
    cause = "scores, features or quality of the night are unlike those of the reference"
    advice = "open the page in reports/nights; assay night explain --date DAY says what moved it"


class LockStale(Several, AssayError):
    """What dvc.lock says does not describe the files that are here.

    Reports all changed stages at once; ``mistakes`` has one line per stage.
    """

    exit_code = 5
    cause = "code, parameters or data were changed without dvc repro"
    advice = "run dvc repro and commit dvc.lock with the reports"


class RetrainAdvised(AssayError):
    """Labels say that the model became worse than monitor.retrain allows."""

    exit_code = 6
    cause = "the world changed since training"
    advice = "train on a newer window (prepare in params.yaml); nothing is promoted by itself"


class ChecksFailed(AssayError):
    """A check of assay doctor failed."""

    exit_code = 7
    cause = "something of this machine is missing, unreachable or full"
    advice = "the lines that are not ok say what to type"


class MemoryShort(AssayError):
    """Memory does not suffice by an estimate, or ran out; nothing was published."""

    exit_code = 8
    cause = (
        "a training table that is long or wide, features with very many categories, large batches"
    )
    advice = (
        "lower what the line names: a shorter window, fewer features, score.batch_rows; "
        "docs/scale.md says what takes memory"
    )


class ExtraMissing(AssayError):
    """A library of one of Assay's extras is not installed (`assay.project.extras`)."""

    exit_code = 9
    cause = "Assay was installed without the extra that this command needs"
    advice = "pip install 'assay[NAME]'; docs/extras.md says which command needs which"

    def __init__(self, needs: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"this needs {needs}: pip install 'assay[{extra}]'")


class ProjectError(AssayError):
    """A problem in the project's own files."""


class ProjectUnready(Several, ProjectError):
    """The command assay check found faults in the project's files.

    Reports all that is wrong in the project's files at once, one line each.
    """

    exit_code = 15
    cause = "an edit by hand, or a file of another version"
    advice = "correct what each line names, and check again"


class ParamsError(Several, ProjectError):
    """The file params.yaml is not valid.

    Reports all mistakes of params.yaml at once; ``mistakes`` has one line per mistake.
    """

    exit_code = 10
    cause = (
        "an unknown key, a value of another type, a date without quotes; all mistakes are listed"
    )
    advice = "docs/params.md explains each key; assay check names all that is wrong at once"


class PluginError(ProjectError):
    """A class or function that params.yaml names cannot be used."""

    exit_code = 11
    cause = "a spelling, a package that is not installed, or arguments that the class refuses"
    advice = "import it in a Python shell from the project's root"


class ContractFileError(ProjectError):
    """The contract file cannot be used."""

    exit_code = 12
    cause = (
        "a mistake in Python, a field without a role, an option that Assay does not support, or a"
        " check that reads what is not there"
    )
    advice = "the line is named; assay check tries it without any data"


class PipelineFileError(ProjectError):
    """The file dvc.yaml or dvc.lock cannot be used."""

    exit_code = 13
    cause = "a file that is missing, empty or not valid YAML, or a stage that DVC refuses"
    advice = (
        "dvc status names the same fault; git checkout HEAD -- FILE restores what was committed"
    )


class BehaviourError(ProjectError):
    """A behaviour under gate.behaviour does not apply to this model or these rows."""

    exit_code = 14
    cause = (
        "it changes a column that the contract lacks, or no row of the holdout fits its condition"
    )
    advice = "compare it with the contract; docs/behaviour.md explains each check"


class DataError(AssayError):
    """A problem in the data."""


class ContractBroken(DataError):
    """The table breaks its contract in more rows than contract.max_bad_share allows."""

    exit_code = 20
    cause = "bad rows at the source, or a check that is too strict"
    advice = (
        "reports/contract shows which rule and which rows; correct the rows, the check or the share"
    )


class SchemaMismatch(Several, DataError):
    """Columns are missing, renamed or of another type.

    Reports all mismatched columns at once; ``mistakes`` has one line per column.
    """

    exit_code = 21
    cause = "the export changed"
    advice = "correct the export, or the contract if the change is meant"


class LabelError(DataError):
    """The label cannot be learnt from, or labels that arrived cannot be taken."""

    exit_code = 22
    cause = "one class only, too few rows of a class, values that are none, keys of another night"
    advice = "the line names column and value; choose a longer window, or fix the file"


class NightNotFound(DataError):
    """The input has no such night."""

    exit_code = 23
    cause = "the export is late, or the name is another one; the nearest night is named"
    advice = "look at score.input in params.yaml; assay score --due takes it up later"


class NightEmpty(DataError):
    """The night has no rows."""

    exit_code = 24
    cause = "an export that failed half way"
    advice = "let the source write it again"


class SourceError(DataError):
    """A table cannot be read."""

    exit_code = 25
    cause = (
        "a file that is missing or damaged, cells of another type, a database that does not answer"
    )
    advice = "the line names file, line and column; write the file again, or state its format anew"


class StageInputMissing(DataError):
    """An earlier stage has not run."""

    exit_code = 26
    cause = "results were deleted, or this is a fresh clone"
    advice = "dvc repro, or dvc pull if the results are in the remote"


class DataOutOfReach(DataError):
    """A pull request from a fork is not judged: its run may not read the data."""

    exit_code = 27
    cause = "the table or the champion is in a bucket, and a fork's run has no credentials"
    advice = "a maintainer reads the change, and types what the line says"


class BundleError(AssayError):
    """A problem with a bundle."""


class BundleMissing(BundleError):
    """The model's bundle is not here."""

    exit_code = 30
    cause = "a fresh clone, or a cache that was emptied"
    advice = "dvc pull, or dvc repro; assay doctor says whether the remote answers"


class BundleChanged(BundleError):
    """A bundle's bytes are not those that its digest names."""

    exit_code = 31
    cause = "somebody edited it, or a disk lost something"
    advice = "dvc checkout --force restores it; never score with it"


class BundleUntrusted(BundleError):
    """The model holds Python types that are not allowed."""

    exit_code = 32
    cause = "an estimator of another library"
    advice = "look at them, then list them under bundle.allow_types"


class BundleIncompatible(BundleError):
    """The bundle was made with other library versions than those installed."""

    exit_code = 33
    cause = "an upgrade since it was trained"
    advice = "install the versions that it names, or train again"


class ReasonsUnknown(BundleError):
    """The reasons of a model's scores cannot be computed exactly."""

    exit_code = 34
    cause = "a model that is not compiled: an estimator, or a step of its pipeline, is not known"
    advice = "docs/reasons.md lists the models whose reasons are exact"


class ModelNotExported(BundleError):
    """A model cannot be written as a file for devices."""

    exit_code = 35
    cause = "a model that is not compiled, or what such a file cannot express"
    advice = "docs/edge.md says what each kind of file can hold"


class ExportUnproven(BundleError):
    """A file for devices was not shown to give the model's own scores, so it was not written."""

    exit_code = 36
    cause = "a compiler that is none, or a fault of Assay's"
    advice = "try another compiler (CC=...); if scores differ, report it"


class RegistryError(AssayError):
    """A problem with versions or registry stages."""


class NotARepository(RegistryError):
    """There is no git repository here, or DVC does not know it."""

    exit_code = 40
    cause = "a folder that was copied without .git or .dvc"
    advice = "git init, dvc init, or clone it"


class NoChampion(RegistryError):
    """No version holds the stage."""

    exit_code = 41
    cause = "nothing was promoted yet, or tags were not fetched"
    advice = "git fetch --tags, or assay promote --because WHY"


class PromotionRefused(RegistryError):
    """The promotion has no sound evidence."""

    exit_code = 42
    cause = (
        "a verdict that is not PASS or about something else, a dirty work tree, a tag in the way"
    )
    advice = "dvc repro, commit, and promote again; docs/promotion.md lists what is compared"


class VersionUnknown(RegistryError):
    """There is no such version."""

    exit_code = 43
    cause = "a spelling, or tags that were not fetched"
    advice = "assay versions lists them; git fetch --tags"


class TrackedByGit(RegistryError):
    """Git tracks data, a model or the store."""

    exit_code = 44
    cause = "git add without the entries of .gitignore"
    advice = "git rm --cached the named paths, and ignore them"


class RemoteFailed(RegistryError):
    """DVC's remote does not answer, or refuses."""

    exit_code = 45
    cause = "an address, credentials, a network"
    advice = "assay doctor checks it; docs/remotes.md shows how to set it up"


class VersionRefused(RegistryError):
    """A version may not be used here: it is not signed as the project asks."""

    exit_code = 46
    cause = "nobody signed its tags, the key has ended or is not allowed here, or a tag was edited"
    advice = (
        "assay verify VERSION and assay versions say what is wrong; docs/access.md says how to sign"
    )


class NotAllowed(RegistryError):
    """A person may not do this."""

    exit_code = 47
    cause = "access in params.yaml of the default branch does not name this address"
    advice = (
        "somebody whom the line names types it; git config user.email says who you are to git; "
        "docs/access.md"
    )


class RunError(AssayError):
    """A problem in a scoring run."""


class RoundRefused(RunError):
    """Sites that learn together could not go on."""

    exit_code = 66
    cause = "a site stopped, sends nothing, has another contract, or sent what cannot be"
    advice = "the line names the site; nothing was learnt or written: agree on a new --session"


class JavaMissing(RunError):
    """There is no Java that Spark can use."""

    exit_code = 50
    cause = "JAVA_HOME points to an old one, or the package with Java is not installed"
    advice = "pip install 'assay[spark]', or set JAVA_HOME to Java 17 or newer"


class RunHeld(RunError):
    """The night was scored and is not published."""

    exit_code = 51
    cause = (
        "a limit of quarantine or publish, a table rule, a gross break of the scores, or the rows"
        " of an earlier night once more"
    )
    advice = (
        "correct the input and score the night again, or assay release RUN --because WHY; assay "
        "quarantine show, if it refused rows"
    )


class StoreError(RunError):
    """The store cannot be read or written, or is damaged."""

    exit_code = 52
    cause = "a bucket's address or rights, a full disk, a file that was deleted by hand"
    advice = "assay fsck names the damage and how to repair it; docs/tables.md"


class NotSynced(StoreError):
    """The disk reported an error of what was written. To try again would hide it: it tells once."""


class StoreOfAnother(RunError):
    """The store belongs to another model. Nothing of it was read or written."""

    exit_code = 65
    cause = "two projects whose params.yaml name one store, or a model that was renamed"
    advice = "give each model a store of its own: store in params.yaml; docs/tables.md"


class NothingScored(RunError):
    """No run has published this night."""

    exit_code = 53
    cause = "it was not scored yet, or is held"
    advice = "assay score --date DAY; assay status shows what each night waits for"


class SparkFailed(RunError):
    """Spark did not start, or failed."""

    exit_code = 54
    cause = "memory, a master that does not answer, a worker that died"
    advice = "the line has Spark's own reason; nothing was published, so run it again"


class RowCountMismatch(RunError):
    """Rows read are not rows scored plus rows quarantined."""

    exit_code = 55
    cause = "the input changed while it was read, or a bug"
    advice = "run it again; nothing was published. If it stays, report it"


class ScoresInvalid(RunError):
    """The model returned scores that are none."""

    exit_code = 56
    cause = "NaN, infinities, or numbers outside of 0 to 1"
    advice = "go back with assay rollback, and add a behaviour that shows the rows"


class PublishConflict(RunError):
    """Another run published the night in the meantime."""

    exit_code = 57
    cause = "two schedules, or a run by hand during one"
    advice = "nothing is lost: readers see the other run's scores; or score again"


class RunUnknown(RunError):
    """There is no such run, or none in the state that is asked for."""

    exit_code = 58
    cause = "a spelling, or it was released before"
    advice = "assay status lists held runs"


class ExportFailed(RunError):
    """Predictions could not be written to their target."""

    exit_code = 59
    cause = "rights, an address, a table of another form"
    advice = "the night in the store is as it was; correct the target and export again"


class AlertUndelivered(RunError):
    """A message was not delivered."""

    exit_code = 60
    cause = "an address that does not answer"
    advice = "the next call tries again"


class CodeHostFailed(RunError):
    """GitHub or GitLab did not take a comment or an issue."""

    exit_code = 61
    cause = "rights of the token, a limit of the service, an outage"
    advice = "run it again: what was done half is completed"


class ScoringFailed(RunError):
    """The model or the project's own code failed on a night's rows, or memory ran out."""

    exit_code = 62
    cause = (
        "rows unlike any in training, a bug in the project's modules, batches that are too large"
    )
    advice = "nothing was published; ASSAY_DEBUG=1 shows where; score.batch_rows bounds memory"


class KeyUnknown(RunError):
    """No single published row has the key that was asked for."""

    exit_code = 63
    cause = "a key of a row that was refused, of a night that is not published, or a typing error"
    advice = "assay quarantine show --date DAY has what was refused"


class PlanRefused(RunError):
    """The plan cannot be applied."""

    exit_code = 64
    cause = (
        "no plan of the version that holds the stage, a missing approval, or --exact and a night "
        "that is not as it was planned"
    )
    advice = "assay plan again, have it approved, and apply it; nothing was published"
