"""``assay init --upgrade``: brings what `assay init` owns in a project to this version of Assay.

The contract, the source, the policy, tests and README are the project's own from the day they are
written, so they stay. What Assay owns says how stages are run: dvc.yaml, workflows, Makefile and
the like. What a person added there is kept where it can be told: dependencies and stages, plots and
artifacts, lines of ignore files. Everything is shown as a diff before it is written.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from assay.contract.loader import load_contract
from assay.errors import PipelineFileError, UsageError
from assay.init.command import workflows
from assay.init.folder import SHARED_FILES, with_rules
from assay.init.pins import ASSAY, FOLDER, OWN, RUN, own_packages, pinned_lists, pins
from assay.init.quoting import FILTERS
from assay.pages.templating import render_config
from assay.project import layout, textfile
from assay.project.params import Params, load, yaml_text
from assay.project.tasks import infer_task
from assay.project.text.number_format import counted
from assay.registry import git

SOURCE = "data/source.py"
WORKFLOW_FOLDER = ".github/workflows"


@dataclass(frozen=True)
class FileChange:
    """One file and its text now and afterwards; ``before`` is None if it is not there."""

    path: str
    before: str | None
    after: str

    @property
    def pinned(self) -> bool:
        """Whether it is a list of packages."""
        return self.path.startswith(f"{FOLDER}/")

    def diff(self) -> list[str]:
        """A unified diff, a line each without its end; of packages if another is pinned."""
        old = "/dev/null" if self.before is None else f"a/{self.path}"
        before = self.before or ""
        was, becomes = before.splitlines(), self.after.splitlines()
        if self.pinned and pins(before) != pins(self.after):
            was, becomes = pins(before), pins(self.after)  # nobody reads thousands of hashes
        around = 0 if self.pinned else 3
        return [*difflib.unified_diff(was, becomes, old, f"b/{self.path}", "", "", around, "")]

    @property
    def taken_away(self) -> int:
        """Lines of the file that would not be there any more."""
        return sum(line.startswith("-") for line in self.diff()[2:])


@dataclass(frozen=True)
class Upgrade:
    """What this version of Assay would change in a project's files, and whether it did.

    Parameters
    ----------
    written_by
        The version that params.yaml names; empty if it names none.
    """

    folder: Path
    written_by: str
    now: str
    changes: tuple[FileChange, ...]
    written: bool = False

    def plain(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "written_by": self.written_by,
            "version": self.now,
            "written": self.written,
            "files": [
                {"path": each.path, "new": each.before is None, "diff": each.diff()}
                for each in self.changes
            ],
        }


def look(root: Path, only: Collection[str] = ()) -> Upgrade:
    """What would change; nothing is written.

    Parameters
    ----------
    only
        Paths of the files to look at; all if empty. The lists of packages agree only with each
        other, so they are one: their folder.

    Raises
    ------
    ParamsError, ContractFileError, PipelineFileError
        A file of the project cannot be read.
    UsageError
        A newer Assay wrote the project, or ``only`` names a file that Assay does not own.
    """
    params = load(root)
    now = version("assay")
    if params.assay is not None and _number(params.assay) > Version(now):
        raise UsageError(
            "a newer Assay wrote this project",
            where=f"{layout.PARAMS}: assay",
            expected=f"at most {now}, which is installed",
            found=params.assay,
            mend=f"pip install 'assay>={params.assay}'",
        )
    texts = {path: _read(root / path) for path in (layout.PARAMS, *_owned(root))}
    changes = [
        FileChange(path, before, after)
        for path, before in texts.items()
        if (after := _after(root, params, path, before, now)) != before
    ]
    names = {path: FOLDER if path.startswith(f"{FOLDER}/") else path for path in texts}
    unknown = sorted(set(only) - {*names.values()})
    if unknown:
        raise UsageError(
            "Assay does not own this file, so it stays as it is",
            where=f"--only {unknown[0]}",
            expected=", ".join(dict.fromkeys(names.values())),
            found=unknown[0],
        )
    kept = tuple(each for each in changes if not only or names[each.path] in only)
    return Upgrade(root, params.assay or "", now, kept)


def write(upgrade: Upgrade) -> Upgrade:
    """Write what `look` found, into a clean work tree, so that git can undo it.

    Raises
    ------
    UsageError
        A file that would change has changes that are not committed.
    NotARepository
        Git does not know the project.
    """
    root = upgrade.folder
    _, below = git.root_and_prefix(root)
    changed = {path.removeprefix(below) for path in git.uncommitted_files(root)}
    torn = [each.path for each in upgrade.changes if each.path in changed]
    if torn:
        raise UsageError(
            "the upgrade would mix with changes that are not committed",
            where=str(root),
            found=", ".join(torn),
            mend="Commit them first: git then shows, and can undo, what the upgrade did",
        )
    for each in upgrade.changes:
        textfile.write(root / each.path, each.after)
    return Upgrade(root, upgrade.written_by, upgrade.now, upgrade.changes, written=True)


def summary(upgrade: Upgrade) -> str:
    """How many files and lines, in a sentence."""
    gone = sum(each.taken_away for each in upgrade.changes)
    files = counted(len(upgrade.changes), "file")
    return f"{files}, in which {counted(gone, 'line')} would be replaced or go"


def _owned(root: Path) -> Iterator[str]:
    yield from (layout.DVC_YAML, "Makefile", *SHARED_FILES, *pinned_lists())
    if own_packages(_read(root / RUN) or ""):
        yield OWN
    paths = [f"{WORKFLOW_FOLDER}/{name.rpartition('/')[2]}" for name in workflows()]
    # Without any of them the project is not on GitHub, or does not want them.
    if any((root / path).exists() for path in paths):
        yield from paths


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineFileError(
            "cannot be read as UTF-8 text", where=str(path), found=str(error)
        ) from None


def _number(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        raise UsageError(
            "is no version", where=f"{layout.PARAMS}: assay", expected="such as 0.1.0", found=text
        ) from None


def _after(root: Path, params: Params, path: str, before: str | None, now: str) -> str:
    """The text that this version would write, with what a person added."""
    if path == layout.PARAMS:
        return _with_version(before or "", now)
    if path == layout.DVC_YAML:
        return _pipeline(root, params, before)
    if path.startswith(WORKFLOW_FOLDER):
        return workflows()[path]
    kept = before or ""
    if path == OWN:
        return kept + "".join(f"{line}\n" for line in own_packages(_read(root / RUN) or ""))
    if path == ASSAY and f"assay=={now}" in kept.split():
        return kept  # with the hash that somebody wrote behind it
    if path in (lists := pinned_lists()):
        return lists[path]
    fresh = render_config("assay.init", f"{path.removeprefix('.')}.jinja", FILTERS)
    if path == "Makefile" or not kept:
        return fresh
    return with_rules(kept, fresh)


def _with_version(text: str, now: str) -> str:
    """params.yaml with the version as its first key."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.startswith("assay:"):
            _, mark, said = line.rstrip("\n").partition("#")
            lines[number] = f'assay: "{now}"' + (f" #{said}" if mark else "") + "\n"
            return "".join(lines)
    first = next((n for n, line in enumerate(lines) if line.startswith("name:")), 0)
    lines.insert(first, f'assay: "{now}" # that wrote dvc.yaml and workflows: init --upgrade\n')
    return "".join(lines)


# ---------------------------------------------------------------------------------- dvc.yaml


def _pipeline(root: Path, params: Params, before: str | None) -> str:
    """dvc.yaml with the stages of today, and what a person added to it."""
    if before is None:
        raise PipelineFileError(
            "no such file", where=layout.DVC_YAML, mend="Restore it: git checkout -- dvc.yaml"
        )
    tree = _tree(before)
    contract = load_contract(root / params.contract.file, params.contract.file, root=root)
    tables = [each for each in _deps(tree["stages"].get("ingest", {})) if each != SOURCE]
    artifact = (tree.get("artifacts") or {}).get(params.name) or {}
    fresh = render_config(
        "assay.init",
        "dvc.yaml.jinja",
        FILTERS,
        name=params.name,
        tables=tables,
        task=infer_task(contract.field(contract.label).kind, contract.label),
        about=str(artifact.get("desc", params.name)),
    )
    stages, fresh_end = _section(fresh, "stages")
    stages = _with_own_deps(stages, _tree(fresh)["stages"], tree["stages"])
    own = _own_stages(before, tree, _tree(fresh)["stages"])
    _, end = _section(before, "stages")
    # Plots and artifacts are the project's own, if it has any.
    return stages.rstrip("\n") + "\n" + own + "\n" + (end.lstrip("\n") or fresh_end.lstrip("\n"))


def _tree(text: str) -> Any:
    try:
        tree = yaml_text.load(text)
    except yaml_text.YamlError as error:
        raise PipelineFileError("is no YAML", where=layout.DVC_YAML, found=str(error)) from None
    if not isinstance(tree, Mapping) or not isinstance(tree.get("stages"), Mapping):
        raise PipelineFileError("has no stages", where=layout.DVC_YAML)
    return tree


def _deps(stage: Any) -> list[str]:
    body = stage.get("do", stage) if isinstance(stage, Mapping) else {}
    return [str(each) for each in body.get("deps") or ()]


def _section(text: str, key: str) -> tuple[str, str]:
    """The text up to the end of a key at the top, and the rest of it."""
    lines = text.splitlines(keepends=True)
    start = next(n for n, line in enumerate(lines) if line.startswith(f"{key}:"))
    tops = [n for n in range(start + 1, len(lines)) if lines[n][:1].strip() not in ("", "#")]
    end = tops[0] if tops else len(lines)
    while tops and lines[end - 1].startswith("#"):
        end -= 1  # a comment belongs to what follows it
    return "".join(lines[:end]), "".join(lines[end:])


def _with_own_deps(text: str, fresh: Mapping[str, Any], there: Mapping[str, Any]) -> str:
    """The stages with the dependencies that the project's have more."""
    lines = text.splitlines()
    places: dict[int, list[str]] = {}
    for name, stage in fresh.items():
        more = [each for each in _deps(there.get(name, {})) if each not in _deps(stage)]
        body = stage.get("do", stage)
        if more and "deps" in body:
            items = body["deps"]
            line, column = items.lc.item(len(items) - 1)
            places[line] = [f"{' ' * (column - 2)}- {each}" for each in more]
    made = []
    for number, line in enumerate(lines):
        made += [line, *places.get(number, ())]
    return "".join(f"{line}\n" for line in made)


def _own_stages(text: str, tree: Any, fresh: Collection[str]) -> str:
    """The text of stages that only the project has."""
    lines = _section(text, "stages")[0].splitlines(keepends=True)
    starts = [tree["stages"].lc.key(name)[0] for name in tree["stages"]]
    for place, start in enumerate(starts):
        while lines[start - 1].lstrip().startswith("#"):
            start -= 1  # a comment belongs to what follows it
        starts[place] = start
    found = []
    for name, start, end in zip(tree["stages"], starts, [*starts[1:], len(lines)], strict=True):
        if name not in fresh:
            found.append("".join(lines[start:end]).rstrip("\n") + "\n")
    return "".join(found)
