"""dvc.yaml and dvc.lock side by side, read through DVC without its cache or any data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from assay.errors import AssayError, PipelineFileError
from assay.project import layout
from assay.project.params import yaml_text
from assay.registry import git


@dataclass(frozen=True)
class StageFile:
    """A path that a stage reads or writes, relative to the repository's root.

    ``recorded`` is its hash in dvc.lock. ``here`` states that git keeps it; then ``now`` is its
    hash in the work tree, None if it is missing. ``cached`` states that DVC keeps this output.
    """

    path: str
    recorded: str | None
    here: bool = False
    now: str | None = None
    cached: bool = False


@dataclass(frozen=True)
class PipelineStage:
    """A stage of dvc.yaml with its entry in dvc.lock.

    Parameters
    ----------
    recorded
        There is such an entry.
    command
        The command; several commands one per line.
    params, recorded_params
        Values by file and key; recorded ones only if dvc.yaml still lists them.
    gone
        Inputs, outputs and parameters of the entry that dvc.yaml no longer lists, each with its
        kind: ``("input", "data/raw")``.
    """

    name: str
    recorded: bool
    same_command: bool
    frozen: bool
    params: Mapping[str, Any]
    recorded_params: Mapping[str, Any]
    inputs: tuple[StageFile, ...]
    outputs: tuple[StageFile, ...]
    gone: tuple[tuple[str, str], ...] = ()
    command: str = ""


@dataclass(frozen=True)
class Pipeline:
    """dvc.yaml and dvc.lock side by side.

    Parameters
    ----------
    others
        Files that DVC keeps according to ``.dvc`` files: path to hash.
    gone
        Entries of dvc.lock for stages that dvc.yaml lacks.
    folder
        The project's folder, relative to DVC's root: "" if they are the same.
    """

    stages: tuple[PipelineStage, ...]
    others: Mapping[str, str | None]
    gone: tuple[str, ...] = ()
    folder: str = ""

    @property
    def cached_outputs(self) -> tuple[str, ...]:
        """Outputs that DVC keeps and git must not track, relative to the project's folder."""
        above = f"{self.folder}/" if self.folder else ""
        return tuple(
            file.path.removeprefix(above)
            for stage in self.stages
            for file in stage.outputs
            if file.cached and file.path.startswith(above)
        )

    def producer(self, path: str) -> str | None:
        """The stage with exactly this output path, relative to the project's folder."""
        made = ((file.path, stage.name) for stage in self.stages for file in stage.outputs)
        return next(
            (name for output, name in made if output == self.path_from_dvc_root(path)), None
        )

    def path_from_dvc_root(self, path: str) -> str:
        """A path of the project, relative to DVC's root as in the pipeline's files."""
        return f"{self.folder}/{path}" if self.folder else path

    def without_frozen(self) -> Pipeline:
        """The same pipeline with no frozen stages: shows what would have to run."""
        stages = tuple(replace(stage, frozen=False) for stage in self.stages)
        return replace(self, stages=stages)

    def without_inputs(self, name: str | None) -> Pipeline:
        """The same pipeline with no inputs of one stage: what the other stages say without it."""
        stages = tuple(
            replace(stage, inputs=()) if stage.name == name else stage for stage in self.stages
        )
        return replace(self, stages=stages)


def read_pipeline(root: Path, scratch: Path | None = None, *, locked: bool = True) -> Pipeline:
    """The stages of dvc.yaml and the entries of dvc.lock, side by side.

    Parameters
    ----------
    scratch
        Folder for DVC's own file database, for a project that is soon deleted; default is DVC's
        usual folder.
    locked
        Whether dvc.lock must be there: before the first `dvc repro` it is not.

    Raises
    ------
    PipelineFileError
        dvc.yaml or dvc.lock is missing or cannot be parsed.
    NotARepository
        DVC is not initialised here.
    """
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    for name, fix in (
        (layout.DVC_YAML, "It names the stages; see dvc.org for its form."),
        (layout.DVC_LOCK, "Run dvc repro, then git add dvc.lock and commit."),
    ):
        if not (root / name).is_file():
            if name == layout.DVC_LOCK and not locked:
                continue
            raise PipelineFileError("no such file", where=name, fix=fix)
        refuse_unreadable(root, name)
    # Git returns real paths, and DVC paths below the root it was given.
    root = root.resolve()
    top, _ = git.root_and_prefix(root)
    kept = frozenset((top / path).as_posix() for path in git.tracked_files(top, "."))
    try:
        config = {"core": {"site_cache_dir": str(scratch)}} if scratch else None
        with Repo(str(root), config=config) as repo:
            entries = _entries(repo, root)
            folder = root.relative_to(Path(repo.root_dir).resolve()).as_posix()
            own = [*repo.stage.load_all(str(root / layout.DVC_YAML))]
            reader = _Reader(Path(repo.root_dir), kept, repo.index.stages)
            stages = tuple(reader.stage(stage, entries.get(stage.name)) for stage in own)
            names = {file.path for stage in stages for file in stage.outputs}
            others = {
                reader.path(out): _hash(out)
                for stage in repo.index.stages
                for out in stage.outs
                if out.is_in_repo and reader.path(out) not in names
            }
    except NotDvcRepoError:
        raise git.unknown_to_dvc(root) from None
    except AssayError:
        raise
    except Exception as error:  # DVC's own errors, and those of its libraries on malformed files
        raise PipelineFileError(
            "DVC cannot understand the pipeline",
            where=f"{layout.DVC_YAML}, {layout.DVC_LOCK}",
            found=" ".join(str(error).split()) or type(error).__name__,
            fix="Fix it: dvc status names the same fault.",
        ) from None
    if not stages and not entries:
        raise PipelineFileError(
            "there is no stage in it",
            where=layout.DVC_YAML,
            expected="the stages that lead to a bundle",
            fix=_restore(root),
        )
    there = {stage.name for stage in own}
    # DVC keeps the entry of an item that left a template, such as a candidate, whatever it runs.
    templates = {name.partition("@")[0] for name in there if "@" in name}
    gone = tuple(
        name
        for name in entries
        if name not in there and not ("@" in name and name.partition("@")[0] in templates)
    )
    return Pipeline(stages, others, gone, "" if folder == "." else folder)


def _restore(root: Path) -> str:
    """How to get the files back that HEAD holds; a new project has committed no dvc.lock yet."""
    kept = [
        name
        for name in (layout.DVC_YAML, layout.DVC_LOCK)
        if git.run(root, "cat-file", "-e", f"HEAD:./{name}").returncode == 0
    ]
    if not kept:
        return "assay init writes one, for a table."
    return f"If it was emptied by mistake: git checkout HEAD -- {' '.join(kept)}."


def refuse_unreadable(root: Path, name: str) -> None:
    """Reject what is no YAML, and YAML whose aliases expand without limit: DVC would hang on it.

    Raises
    ------
    PipelineFileError
        With file and line.
    """
    try:
        yaml_text.check_limits((root / name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineFileError(
            "cannot be read as UTF-8 text", where=name, found=str(error)
        ) from None
    except yaml_text.YamlError as problem:
        where = f"{name}:{problem.line}" if problem.line else name
        raise PipelineFileError(
            str(problem), where=where, fix="Fix it, or restore it from git."
        ) from None


class _Reader:
    """Converts DVC's objects to plain dataclasses; ``kept`` are the files that git keeps."""

    def __init__(self, root: Path, kept: frozenset[str], stages: Iterable[Any]) -> None:
        self.root = root
        self.kept = kept | _folders(kept)
        outs = (out for stage in stages for out in stage.outs)
        self.outs = frozenset(PurePosixPath(out.fs_path).as_posix() for out in outs)
        self.above_outs = _folders(self.outs)

    def path(self, item: Any) -> str:
        """The path of an input or output, relative to DVC's root; outside of it, its address."""
        place = PurePosixPath(item.fs_path)
        root = self.root.as_posix()
        return str(place.relative_to(root)) if place.is_relative_to(root) else str(item)

    def stage(self, stage: Any, entry: Mapping[str, Any] | None) -> PipelineStage:
        from dvc.dependency import ParamsDependency

        now: dict[str, Any] = {}
        recorded: dict[str, Any] = {}
        inputs = []
        for dep in stage.deps:
            if isinstance(dep, ParamsDependency):
                name, values = self.path(dep), dep.read_params()
                locked = (dep.hash_info.value if dep.hash_info else None) or {}
                # A listed parameter that is in neither file counts as gone: DVC would stop there.
                locked = {key: None for key in dep.params if key not in values} | locked
                now |= {f"{name}: {key}": value for key, value in values.items()}
                recorded |= {f"{name}: {key}": value for key, value in locked.items()}
            else:
                inputs.append(self.file(dep, made=False))
        return PipelineStage(
            name=stage.name,
            recorded=bool(entry),
            same_command=not stage.cmd_changed,
            frozen=bool(stage.frozen),
            params=now,
            recorded_params=recorded,
            inputs=tuple(inputs),
            outputs=tuple(self.file(out, made=True) for out in stage.outs),
            gone=tuple(_gone(stage, entry or {})),
            command=stage.cmd if isinstance(stage.cmd, str) else "\n".join(stage.cmd or ()),
        )

    def file(self, item: Any, *, made: bool) -> StageFile:
        """Its recorded hash, and its current hash if git keeps it and no other stage makes it."""
        place = PurePosixPath(item.fs_path).as_posix()
        alone = made or not self._is_made(place)
        here = place in self.kept and alone
        # Neither git, a stage nor a .dvc file has it, and it does not exist: it is missing.
        here = here or (not made and alone and bool(item.is_in_repo) and not item.exists)
        present = here and item.exists
        return StageFile(
            path=self.path(item),
            recorded=_hash(item),
            here=here,
            now=str(item.get_hash().value) if present else None,
            cached=made and bool(item.use_cache),
        )

    def _is_made(self, place: str) -> bool:
        """Whether a stage's output is this path, or inside or above it."""
        above = {parent.as_posix() for parent in PurePosixPath(place).parents}
        return place in self.outs or place in self.above_outs or bool(above & self.outs)


def _entries(repo: Any, root: Path) -> dict[str, Mapping[str, Any]]:
    """The entries of dvc.lock, by stage."""
    from dvc.dvcfile import Lockfile

    tree = Lockfile(repo, str(root / layout.DVC_LOCK)).load()
    return dict(tree.get("stages") or {})


def _gone(stage: Any, entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What an entry of dvc.lock lists and its stage in dvc.yaml does not."""
    from dvc.dependency import ParamsDependency

    for what, key, mine in (("input", "deps", stage.deps), ("output", "outs", stage.outs)):
        paths = {item.def_path for item in mine if not isinstance(item, ParamsDependency)}
        yield from (
            (what, each["path"]) for each in entry.get(key, ()) if each["path"] not in paths
        )
    asked = {
        dep.def_path: list(dep.params) for dep in stage.deps if isinstance(dep, ParamsDependency)
    }
    for file, values in (entry.get("params") or {}).items():
        keys = asked.get(file)
        # If no keys are listed, the whole file is a parameter.
        gone = [key for key in values if keys is None or (keys and key not in keys)]
        yield from (("parameter", f"{file}: {key}") for key in gone)


def _folders(paths: Iterable[str]) -> frozenset[str]:
    """Every folder above one of the paths."""
    return frozenset(parent.as_posix() for path in paths for parent in PurePosixPath(path).parents)


def _hash(item: Any) -> str | None:
    return str(item.hash_info.value) if item.hash_info else None
