"""The archive for executors: what is in it, that it is always the same, and that it runs."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

import assay
from assay.errors import AssayError, NotARepository, RunError, UsageError
from assay.project import params
from assay.score.pack import archive as pack_archive
from assay.score.pack import dependencies as pack_needs
from assay.score.pack import pack
from assay.score.pack.archive import ArchiveFacts
from assay.score.pack.dependencies import ArchiveMember

PACKAGE = Path(assay.__path__[0])
FACTS = ArchiveFacts("3.11", "linux-x86_64", "sha256:0", {"numpy": "2.4"})


@pytest.fixture
def project(tmp_path: Path, call: Callable[..., str]) -> Path:
    """The parcels project under git, nothing run in it yet."""
    root = tmp_path / "project"
    shutil.copytree(Path(__file__).parents[2] / "parcels", root)
    call(root, "git", "init", "--quiet")
    call(root, "git", "add", "--all")
    return root


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but our own code is packed: enough to see what becomes of it, in no time."""
    monkeypatch.setattr(pack, "distributions", lambda root, modules: [])


def contract_of(root: Path) -> Path:
    return root / params.load(root).contract.file


def needed(root: Path) -> dict[str, str]:
    modules = pack_needs.imported_modules(root, params.load(root))
    found = pack_needs.distributions(root, modules)
    return {dist.metadata["Name"].lower(): dist.version for dist in found}


# ------------------------------------------------------------------------------- the archive


def write(path: Path, members: list[ArchiveMember]) -> bytes:
    pack_archive.write(path, FACTS, members, lambda size: None)
    return path.read_bytes()


def test_the_same_files_give_the_same_bytes_whenever_and_in_whatever_order(tmp_path: Path):
    members = []
    for name in ("b.py", "a.so", f"{'deep/' * 40}c.txt"):
        source = tmp_path / "one" / name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(name)
        members.append(ArchiveMember(f"site-packages/{name}", source))
    first = write(tmp_path / "first.tar.gz", members)
    assert first[3:8] == bytes(5)  # in the header of gzip: no name, no time
    for number, member in enumerate(members):
        os.utime(member.source, (number, number))
        member.source.chmod(0o600)
    assert write(tmp_path / "again.tgz", members[::-1]) == first
    members[0].source.chmod(0o700)
    assert write(tmp_path / "first.tar.gz", members) != first
    with tarfile.open(tmp_path / "first.tar.gz") as tar:
        modes = {entry.name: entry.mode for entry in tar}
        assert {(entry.uid, entry.gid, entry.uname, entry.gname) for entry in tar} == {
            (0, 0, "", "")
        }
    assert next(iter(modes)) == pack_archive.FACTS
    assert modes["bin/python"] == modes["site-packages/b.py"] == 0o755
    assert modes["site-packages/a.so"] == 0o644


def launched(tmp_path: Path, env: dict[str, str], *arguments: str):
    write(tmp_path / "pack.tar.gz", [])
    with tarfile.open(tmp_path / "pack.tar.gz") as tar:
        tar.extractall(tmp_path / "assay", filter="data")
    return subprocess.run(
        ["./assay/bin/python", *arguments], cwd=tmp_path, env=env, capture_output=True, text=True
    )


def test_the_launcher_starts_the_machines_python_with_the_archives_packages_first(tmp_path: Path):
    python = tmp_path / "machine" / "python3.11"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho "$PYTHONPATH|$PYTHONNOUSERSITE|$*"\n')
    python.chmod(0o755)
    path = os.pathsep.join([str(python.parent), os.defpath])
    home = tmp_path.resolve() / "assay"
    expected = f"{home}/site-packages:{home}/project:/spark|1|-m pyspark.daemon x y\n"
    done = launched(tmp_path, {"PATH": path, "PYTHONPATH": "/spark"}, "-m", "pyspark.daemon", "x y")
    assert done.stdout == expected
    moved = python.rename(tmp_path / "elsewhere")
    done = launched(tmp_path, {"PATH": os.defpath, "ASSAY_PYTHON": str(moved)})
    assert done.stdout == f"{home}/site-packages:{home}/project|1|\n"


def test_the_launcher_says_which_python_it_misses(tmp_path: Path):
    done = launched(tmp_path, {"PATH": os.defpath, "ASSAY_PYTHON": "python3.999"})
    assert done.returncode == 127
    assert "'python3.999' is not on the PATH" in done.stderr
    assert "spark.executorEnv.ASSAY_PYTHON" in done.stderr


# ------------------------------------------------------------------------------ what is in it


def third_parties_of_work() -> set[str]:
    """What the code that runs on a worker imports, wherever in its files it does."""
    todo, seen, found = ["assay.score.scoring_job", "assay.score.spark.files"], set(), set()
    while todo:
        name = todo.pop()
        base = PACKAGE.parent.joinpath(*name.split("."))
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file() and path not in seen:
                seen.add(path)
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                    names = [alias.name for alias in getattr(node, "names", ())]
                    if isinstance(node, ast.ImportFrom):
                        names = [f"{node.module}.{name}" for name in names] + [node.module]
                    elif not isinstance(node, ast.Import):
                        continue
                    found |= {each.partition(".")[0] for each in names}
                    todo += [each for each in names if each.startswith("assay.")]
    return found - sys.stdlib_module_names - {"assay"}


def test_everything_that_work_imports_is_packed_or_is_the_drivers_alone():
    modules = {"scikit-learn": "sklearn"}
    packed = {modules.get(name, name) for name in (*pack_needs.ROOTS, *pack_needs.UNCOMPILED)}
    there = {"pyspark"}
    drivers = {"deltalake", "ruamel"}  # the Delta log is committed to, and params.yaml read, there
    assert third_parties_of_work() <= packed | there | drivers


def test_requirements_are_followed_and_the_drivers_tools_stay_behind(project: Path):
    found = needed(project)
    assert {name.replace("_", "-") for name in found} >= {
        *pack_needs.ROOTS,
        *pack_needs.UNCOMPILED,
        *("llvmlite", "scipy", "pydantic-core", "typing-extensions", "python-dateutil"),
    }
    assert not set(found) & {"pyspark", "py4j", "dvc", "evidently", "gto", "deltalake", "pytest"}


def test_what_the_contract_imports_is_packed_also_when_a_module_of_the_project_does(project: Path):
    assert "hypothesis" not in needed(project)
    contract = contract_of(project)
    (project / "data" / "units.py").write_text("import hypothesis.strategies\nimport json\n")
    contract.write_text(f"import pyspark\nfrom data import units\n{contract.read_text()}")
    found = needed(project)
    assert "hypothesis" in found
    assert "sortedcontainers" in found
    assert "pyspark" not in found  # a worker has its own


def test_the_package_of_a_type_that_a_model_may_hold_is_packed(project: Path):
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(
        text.replace("allow_types: []", "allow_types: [hypothesis.errors.Unsatisfiable]")
    )
    assert "hypothesis" in needed(project)


def test_the_driver_is_packed_where_the_input_is_a_database(project: Path):
    assert "adbc-driver-postgresql" not in needed(project)
    spec = "{format: postgres, url: 'postgresql://h/d', query: 'select :night'}"
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("input: data/raw", f"input: {spec}"))
    found = {name.replace("_", "-") for name in needed(project)}
    assert found >= {"adbc-driver-postgresql", "adbc-driver-manager"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"METADATA": "Requires-Dist: nowhere-to-be-found"}, "nowhere-to-be-found.*not installed"),
        (
            {"RECORD": "ours.py,,\n", "direct_url.json": '{"dir_info": {"editable": true}}'},
            "ours.*cannot be copied.*editable",
        ),
        ({}, "ours.*cannot be copied.*no list of files"),
    ],
)
def test_what_cannot_be_packed_is_named(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    expected: str,
):
    site = tmp_path / "site"
    info = site / "ours-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "ours.py").write_text("")
    metadata = f"Metadata-Version: 2.1\nName: ours\nVersion: 1.0\n{files.pop('METADATA', '')}"
    if metadata.endswith("found"):
        files["RECORD"] = "ours.py,,\n"
    for name, text in ({"METADATA": metadata, "top_level.txt": "ours"} | files).items():
        (info / name).write_text(text)
    monkeypatch.syspath_prepend(site)
    contract = contract_of(project)
    contract.write_text(f"import ours\n{contract.read_text()}")
    with pytest.raises(RunError, match=expected):
        needed(project)


def test_the_projects_modules_are_those_that_git_tracks(project: Path):
    (project / "data" / "scratch.py").write_text("")
    (project / "data" / "raw").mkdir()
    names = {member.name for member in pack_needs.project_files(project)}
    assert names >= {"project/data/contract.py", "project/data/source.py"}
    assert "project/data/scratch.py" not in names
    assert {name.rpartition(".")[2] for name in names} == {"py"}


def test_our_own_package_is_packed_from_where_it_is_imported():
    members = {member.name: member.source for member in pack_needs.package_files()}
    assert (
        members["site-packages/assay/score/scoring_job.py"] == PACKAGE / "score" / "scoring_job.py"
    )
    assert "site-packages/assay/py.typed" in members
    assert not [name for name in members if "__pycache__" in name]


# ------------------------------------------------------------------------------- assay pack


def test_outside_git_or_under_a_name_that_spark_does_not_unpack_nothing_is_packed(
    trained: Path, project: Path
):
    given = params.load(project)
    with pytest.raises(NotARepository):
        pack.run(trained, params.load(trained))
    with pytest.raises(UsageError, match=r"pack\.zip.*\.tar\.gz"):
        pack.run(project, given, "pack.zip")


@pytest.mark.usefixtures("small")
def test_what_does_not_run_by_itself_takes_no_name_and_replaces_nothing(project: Path):
    target = project / "build" / "assay-pack.tar.gz"
    target.parent.mkdir()
    target.write_bytes(b"yesterday's")
    with pytest.raises(RunError, match=r"does not run by itself.*No module named") as caught:
        pack.run(project, params.load(project))
    assert "\n" not in str(caught.value)
    assert list(target.parent.iterdir()) == [target]
    assert target.read_bytes() == b"yesterday's"


def test_a_module_that_git_does_not_track_is_missed_in_the_trial(
    project: Path, monkeypatch: pytest.MonkeyPatch, small: None
):
    contract = contract_of(project)
    contract.write_text("import data.units\nraise SystemExit(data.units.UNIT)\n")
    (project / "data" / "units.py").write_text("UNIT = 'was imported'\n")
    load = "exec(compile(open(sys.argv[1]).read(), 'contract', 'exec'))"
    monkeypatch.setattr(pack, "_TRIAL", f"import sys; {load}")
    with pytest.raises(RunError, match=r"No module named 'data\.units'.*own modules in git"):
        pack.run(project, params.load(project))
    subprocess.run(["git", "add", "--all"], cwd=project, check=True)
    with pytest.raises(RunError, match="was imported"):
        pack.run(project, params.load(project))


# ------------------------------------------------------------------- is it of this very code


@pytest.fixture
def packed(project: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pack, "_try", lambda *_: None)
    pack.run(project, params.load(project))
    return project / pack.ARCHIVE


def test_paths_are_taken_from_the_root_and_an_archive_of_this_code_is_right(
    project: Path, packed: Path
):
    given = f"{pack.ARCHIVE}#assay, s3://bucket/more.tgz#more,/data/jars.zip"
    found = pack_archive.resolve_archives(given, project)
    assert found == f"{packed}#assay,s3://bucket/more.tgz#more,/data/jars.zip"
    # As Spark itself writes what it was told.
    assert pack_archive.resolve_archives(f"file:{packed}#assay", project) == f"{packed}#assay"
    assert pack_archive.resolve_archives(f"{packed.as_uri()}#assay", project) == f"{packed}#assay"
    assert pack_archive.has_pack_archive(found)
    assert not pack_archive.has_pack_archive("more.tgz#more")
    assert not pack_archive.has_pack_archive("")


def test_git_ignores_the_archive_in_a_project_that_ignores_no_build_folder(
    project: Path, packed: Path, call: Callable[..., str]
) -> None:
    (project / ".gitignore").write_text("/store/\n")
    assert "build" not in call(project, "git", "status", "--porcelain", "--untracked-files=all")
    pack.run(project, params.load(project), "other/pack.tar.gz")
    assert sorted(each.name for each in (project / "other").iterdir()) == ["pack.tar.gz"]


def test_an_archive_of_other_code_is_refused(project: Path, packed: Path):
    source = project / "data" / "source.py"
    source.write_text(f"{source.read_text()}\n# changed\n")
    with pytest.raises(RunError, match=r"another code than runs here.*Make it again: assay pack"):
        pack_archive.resolve_archives(f"{pack.ARCHIVE}#assay", project)


def test_an_archive_for_another_python_is_refused(
    project: Path, packed: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pack_archive, "python_version", lambda: "3.99")
    with pytest.raises(RunError, match=r"another Python.*expected 3\.99"):
        pack_archive.resolve_archives(f"{pack.ARCHIVE}#assay", project)


def spoil_missing(path: Path) -> None:
    path.unlink()


def spoil_truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def spoil_garbage(path: Path) -> None:
    path.write_bytes(b"no archive")


def spoil_foreign(path: Path) -> None:
    with tarfile.open(path, "w:gz") as tar:
        tar.add(__file__, "test.py")


def spoil_facts(path: Path) -> None:
    facts = path.with_name("facts")
    facts.write_text(json.dumps({"python": "3.11"}))
    with tarfile.open(path, "w:gz") as tar:
        tar.add(facts, pack_archive.FACTS)


@pytest.mark.parametrize(
    "spoil", [spoil_missing, spoil_truncated, spoil_garbage, spoil_foreign, spoil_facts]
)
def test_what_is_no_archive_of_ours_is_refused_in_one_line(
    project: Path, packed: Path, spoil: Callable[[Path], None]
):
    spoil(packed)
    with pytest.raises(AssayError, match="assay pack") as caught:
        pack_archive.resolve_archives(f"{pack.ARCHIVE}#assay", project)
    assert type(caught.value) is RunError
    assert "\n" not in str(caught.value)
