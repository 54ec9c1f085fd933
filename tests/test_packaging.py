"""pyproject.toml, the pinned lists and the built wheel agree with the code."""

from __future__ import annotations

import ast
import configparser
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from scripts.new_pins import new_pins
from tests import bare

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REMOTES = ("s3", "gs", "azure", "ssh")
LISTS = ("build", "run", *REMOTES, "test", "check")
GROUPS = {"run": (), "build": ("build",), "test": ("test", "reference"), "check": ("check",)}
# Import name -> distribution, where they differ; pyspark asks for one exact py4j itself.
CALLED = {
    "prometheus_client": "prometheus-client",
    "adbc_driver_manager": "adbc-driver-manager",
    "adbc_driver_postgresql": "adbc-driver-postgresql",
    "py4j": "pyspark",
    "ruamel": "ruamel-yaml",
    "sklearn": "scikit-learn",
}


@cache
def pins(name: str) -> dict[str, tuple[Version, str]]:
    """Distribution -> version and the text of its entry in requirements/``name``.txt."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.findall(r"^([\w.-]+)==([^\s;\\]+)((?:.*\\\n)*.*\n)", text, re.MULTILINE)
    assert len(entries) == len(re.findall(r"^\w", text, re.MULTILINE))
    return {canonicalize_name(dist): (Version(number), rest) for dist, number, rest in entries}


def wanted(name: str) -> list[Requirement]:
    if name in REMOTES:  # the extra of DVC that it asks for is this package
        (asked,) = map(Requirement, PROJECT["project"]["optional-dependencies"][name])
        assert (asked.name, asked.extras) == ("dvc", {name})
        return [Requirement(f"dvc-{name}")]
    texts = chain.from_iterable(PROJECT["dependency-groups"][group] for group in GROUPS[name])
    own = bare.requirements("all") if name == "run" else []
    return [*own, *map(Requirement, texts)]


@pytest.mark.parametrize("name", LISTS)
def test_pins_are_what_pyproject_asks_for(name: str) -> None:
    lacking = [
        str(asked)
        for asked in wanted(name)
        if (pin := pins(name).get(canonicalize_name(asked.name))) is None
        or pin[0] not in asked.specifier
    ]
    assert not lacking, f"run `make pins`: requirements/{name}.txt does not hold {lacking}"


@pytest.mark.parametrize("name", LISTS)
def test_pins_are_hashed_and_name_no_host(name: str) -> None:
    assert [dist for dist, (_, rest) in pins(name).items() if "--hash=sha256:" not in rest] == []
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text)


def test_lists_agree_with_each_other() -> None:
    versions: dict[str, set[Version]] = {}
    for name in LISTS:
        for dist, (version, _) in pins(name).items():
            versions.setdefault(dist, set()).add(version)
    assert {dist: found for dist, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", REMOTES)
def test_an_extra_pins_only_what_it_adds(name: str) -> None:
    assert pins(name).keys() & pins("run").keys() == set()


def test_an_entry_that_another_list_has_is_left_out() -> None:
    run = "a==1 \\\n    --hash=sha256:0\n    # via x\n"
    more = "b-c==2 ; python_version < '3.12' \\\n    --hash=sha256:1\n    # via\n    #   a\n"
    assert new_pins(run, f"# made by\n{run}{more}{run}") == f"# made by\n{more}"
    with pytest.raises(ValueError, match=r"a==2 here, a==1 in the other list"):
        new_pins(run, run.replace("==1", "==2"))


@pytest.mark.parametrize(
    ("given", "there", "lists"),
    [
        ("", (), "build run test check"),
        ("EXTRAS=ssh s3", (), "build run s3 ssh test check"),
        ("", ("run", "s3"), "build run s3 test check"),
    ],
)
def test_an_extra_is_installed_if_it_was_ever_asked_for(
    tmp_path: Path, given: str, there: tuple[str, ...], lists: str
) -> None:
    for name in there:
        (tmp_path / ".venv" / "stamps").mkdir(parents=True, exist_ok=True)
        (tmp_path / ".venv" / "stamps" / name).touch()
    done = subprocess.run(
        ["make", "--no-print-directory", "--makefile=-", "--question", "help", given or "A="],
        cwd=tmp_path,
        input=f"include {ROOT / 'Makefile'}\n$(info $(LISTS))\n",
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == lists.split()


def test_an_unknown_extra_is_named() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "setup", "EXTRAS=s3 ftp"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "no such extra: ftp; EXTRAS takes some of: s3 gs azure ssh" in done.stderr


def test_every_third_party_that_is_imported_is_declared() -> None:
    optional = PROJECT["project"]["optional-dependencies"]
    named = [*PROJECT["project"]["dependencies"], *chain.from_iterable(optional.values())]
    declared = {canonicalize_name(Requirement(each).name) for each in named}
    imported = {
        name.partition(".")[0]
        for path in (ROOT / "pipeline").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    third_parties = imported - set(sys.stdlib_module_names) - {"assay"}
    assert "pandas" in third_parties
    undeclared = {name for name in third_parties if CALLED.get(name, name) not in declared}
    assert not undeclared, f"pyproject.toml does not declare {undeclared}"


def test_makefile_installs_every_list() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    remotes, lists = (re.search(rf"^{n} := (.*)$", text, re.M) for n in ("REMOTES", "LISTS"))
    assert remotes and remotes[1].split() == list(REMOTES)
    assert lists and lists[1].replace("$(CHOSEN)", " ".join(REMOTES)).split() == list(LISTS)
    assert {path.stem for path in (ROOT / "requirements").glob("*.txt")} == set(LISTS)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.partition("/")[0] for name in names}
    version = PROJECT["project"]["version"]
    assert folders == {"assay", f"assay-{version}.dist-info"}
    source = ROOT / "pipeline"
    kinds = ("*.py", "*.html", "*.css")
    files = {path.relative_to(source).as_posix() for kind in kinds for path in source.rglob(kind)}
    assert "assay/pages/templates/base.html" in files
    assert files <= set(names)
    # What projects are pinned to, and nothing that only contributors need.
    lists = {name for name in names if name.startswith("assay/init/requirements/")}
    assert {Path(name).name for name in lists} == {f"{name}.txt" for name in LISTS[:-2]}


def test_wheel_brings_the_command_and_the_plugin(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith("/entry_points.txt")]
    points = configparser.ConfigParser()
    points.read_string(archive.read(name).decode())
    assert points["console_scripts"]["assay"] == "assay.cli.__main__:run_program"
    assert points["pytest11"]["assay"] == "assay.gate.pytest_run.plugin"


def test_wheel_answers_far_from_the_repository(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = "import sys, assay.cli.__main__ as c; print(c.__file__); sys.exit(c.main(['--help']))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path / "site"))
    assert "promote" in done.stdout
