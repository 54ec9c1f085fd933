"""The command that starts a project: init."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.commands import CommandBuilder, print_result, to_indented_json
from assay.cli.progress import make_progress_line
from assay.errors import UsageError
from assay.project.text.quoting import escape_controls

if TYPE_CHECKING:
    from assay.tables.definition import Understanding


def add_commands(add: CommandBuilder) -> None:
    """From a table to a project."""
    init = add(
        "init",
        "write a project for a table, from all of its rows: contract, policy, stages, tests",
        "assay init churn --data customers.csv --target churned",
        _init,
    )
    init.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=Path(),
        metavar="DIR",
        help="the project's folder (here)",
    )
    init.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="the table: CSV, JSON lines, Parquet or Excel (.xlsx), or a query (.sql)",
    )
    init.add_argument("--sheet", metavar="NAME", default="", help="of a workbook (the first one)")
    init.add_argument(
        "--names",
        metavar="A,B,C",
        help="of the columns of CSV without a header, in the file's order",
    )
    init.add_argument(
        "--connection",
        metavar="ADDRESS",
        default="",
        help="where the query is asked: sqlite:///FILE or postgresql://HOST/DATABASE",
    )
    init.add_argument("--target", metavar="COLUMN", help="what is to be predicted")
    init.add_argument("--name", dest="model", help="of the model (the folder's, else the file's)")
    init.add_argument(
        "--task",
        choices=("binary", "multiclass", "regression"),
        help="instead of what the target says",
    )
    init.add_argument("--positive", metavar="VALUE", help="the target's value that means yes")
    init.add_argument("--time", metavar="COLUMN", help="when a row is from; nights are cut by it")
    init.add_argument(
        "--every", choices=("day", "week", "month", "year"), help="the length of a night"
    )
    init.add_argument(
        "--key",
        metavar="COLUMN",
        action="append",
        default=[],
        help="what names a row; may be repeated",
    )
    init.add_argument(
        "--group",
        metavar="COLUMN",
        help="rows with the same value belong together: a split by chance does not part them, and "
        "intervals are taken over it",
    )
    init.add_argument(
        "--weight", metavar="COLUMN", help="how much a row counts in training, and no feature"
    )
    init.add_argument(
        "--sensitive",
        metavar="COLUMN",
        action="append",
        default=[],
        help="compared by group, and no feature; may be repeated",
    )
    init.add_argument(
        "--upgrade",
        action="store_true",
        help="bring the stages and workflows of the project in DIR to this Assay; shows them first",
    )
    init.add_argument("--yes", action="store_true", help="write the upgrade without a question")
    init.add_argument(
        "--only",
        metavar="FILE",
        action="append",
        default=[],
        help="upgrade this file, or the lists of packages (requirements); may be repeated",
    )
    init.add_argument(
        "--leave-out",
        metavar="COLUMN",
        action="append",
        default=[],
        help="no use for it; may be repeated",
    )


def _init(given: argparse.Namespace) -> None:
    from assay.cli.show import start
    from assay.init import command
    from assay.init.roles import Said
    from assay.init.wishes import Wishes
    from assay.tables.names import project_name

    folder = (given.root / given.folder).resolve()
    if given.upgrade:
        _upgrade(given, folder)
        return
    for option in ("yes", "only"):
        if getattr(given, option):
            raise UsageError("belongs to --upgrade", where=f"assay init --{option}")
    data = given.data or Path(_ask("Which file holds the table?", "--data FILE"))
    understood = command.look(
        folder,
        data,
        _progress(),
        sheet=given.sheet,
        connection=given.connection,
        names=given.names.split(",") if given.names is not None else (),
    )
    wishes = Wishes(
        target=given.target or _ask_target(understood),
        name=project_name(given.model or (folder.name if given.folder != Path() else data.stem)),
        task=given.task,
        positive=given.positive,
        every=given.every,
        columns=Said(
            time=given.time,
            keys=tuple(given.key),
            group=given.group,
            weight=given.weight,
            sensitive=tuple(given.sensitive),
            left_out=tuple(given.leave_out),
        ),
    )
    made = command.run(folder, data, understood, wishes)
    print_result(made, given, start.init_lines, to_indented_json)


def _upgrade(given: argparse.Namespace, folder: Path) -> None:
    """Show what would change; write it with --yes, or if a person at a terminal says so."""
    from assay.cli.show import start
    from assay.init import upgrade

    if given.data or given.target:
        raise UsageError("an upgrade reads no table", where="assay init --upgrade")
    found = upgrade.look(folder, given.only)
    if found.changes and given.yes:
        found = upgrade.write(found)
    print_result(found, given, start.upgrade_lines, to_indented_json)
    asks = sys.stdin.isatty() and sys.stdout.isatty() and not given.json
    if found.changes and not found.written and asks:
        if input("Write them? [y/N] ").strip().lower() in ("y", "yes"):
            print_result(upgrade.write(found), given, start.upgrade_lines, to_indented_json)


def _progress() -> Callable[[int, int], None] | None:
    """Says on a terminal how much of the table was read."""
    line = make_progress_line()
    if line is None:
        return None

    def change(done: int, total: int) -> None:
        line.change(f"reading the table: {done / max(total, 1):.0%}" if done < total else "")

    return change


def _ask_target(understood: Understanding) -> str:
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
            mend="Example: assay init churn --data customers.csv --target churned",
        )
    return answer
