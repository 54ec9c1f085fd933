"""Commands to begin with: init, which writes a project, and completion by the shell."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from assay.cli.command import Call, Group, Option
from assay.errors import UsageError
from assay.project.text import escape_controls

if TYPE_CHECKING:
    from assay.formats.definition import Understanding

BEGIN = Group("begin")


@BEGIN(
    "init",
    "write a project for a table, from all of its rows: contract, policy, stages, tests",
    "assay init churn --data customers.csv --target churned",
    words="start.start_lines",
    serves=True,
)
def init(
    call: Call,
    folder: Annotated[Path, Option("the project's folder (here)", "DIR")] = Path(),
    *,
    data: Annotated[
        Path | None,
        Option("the table: CSV, JSON lines or Parquet", "FILE"),
    ] = None,
    names: Annotated[
        str | None,
        Option("of the columns of CSV without a header, in the file's order", "A,B,C"),
    ] = None,
    target: Annotated[str | None, Option("what is to be predicted", "COLUMN")] = None,
    name: Annotated[
        str | None, Option("of the model (the folder's, else the file's)", "MODEL")
    ] = None,
    task: Annotated[
        Literal["binary", "multiclass", "regression"] | None,
        Option("instead of what the target says"),
    ] = None,
    positive: Annotated[str | None, Option("the target's value that means yes", "VALUE")] = None,
    time: Annotated[
        str | None, Option("when a row is from; nights are cut by it", "COLUMN")
    ] = None,
    every: Annotated[
        Literal["day", "week", "month", "year"] | None, Option("the length of a night")
    ] = None,
    key: Annotated[Sequence[str], Option("what names a row; may be repeated", "COLUMN")] = (),
    group: Annotated[
        str | None,
        Option(
            "rows with the same value belong together: a split by chance does not part them, and "
            "intervals are taken over it",
            "COLUMN",
        ),
    ] = None,
    weight: Annotated[
        str | None, Option("how much a row counts in training, and no feature", "COLUMN")
    ] = None,
    sensitive: Annotated[
        Sequence[str], Option("compared by group, and no feature; may be repeated", "COLUMN")
    ] = (),
    pins: Annotated[
        bool,
        Option("only bring requirements/ of the project in DIR to what this Assay was tested with"),
    ] = False,
    leave_out: Annotated[Sequence[str], Option("no use for it; may be repeated", "COLUMN")] = (),
) -> object:
    from assay.formats.names import project_name
    from assay.init import command
    from assay.init.pins import renew
    from assay.init.wishes import Wishes

    place = (call.root / folder).resolve()
    if pins:
        if data or target:
            raise UsageError("lists of packages need no table", where="assay init --pins")
        return renew(place)
    table = data or Path(_ask("Which file holds the table?", "--data FILE"))
    given = names.split(",") if names is not None else ()
    understood = command.look(place, table, names=given)
    wishes = Wishes(
        target=target or _ask_target(understood),
        name=project_name(name or (place.name if folder != Path() else table.stem)),
        task=task,
        positive=positive,
        every=every,
        time=time,
        keys=tuple(key),
        group=group,
        weight=weight,
        sensitive=tuple(sensitive),
        left_out=tuple(leave_out),
    )
    return command.run(place, table, understood, wishes)


def _ask_target(understood: "Understanding") -> str:
    names = escape_controls(", ".join(each.name for each in understood.facts))
    return _ask(f"Columns: {names}\nWhich one is to be predicted?", "--target COLUMN")


def _ask(question: str, option: str) -> str:
    """An answer typed at a terminal.

    Raises
    ------
    UsageError
        There is no terminal, or the answer is empty.
    """
    answer = input(f"{question} ").strip() if sys.stdin.isatty() and sys.stdout.isatty() else ""
    if not answer:
        raise UsageError(
            f"{option} is missing",
            where="assay init",
            fix="Example: assay init churn --data customers.csv --target churned",
        )
    return answer


@BEGIN(
    "completion",
    "print what a shell completes commands and options by",
    "assay completion bash > ~/.local/share/bash-completion/completions/assay",
    words="start.completion_lines",
)
def completion(
    call: Call,
    shell: Annotated[Literal["bash", "zsh", "tcsh"], Option("which one", "SHELL")],
) -> object:
    import shtab

    return {"shell": shell, "script": shtab.complete(call.parser, shell)}
