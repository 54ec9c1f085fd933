"""Files of the project that are no evidence cannot change what the model tests come to."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from assay.errors import GateNotPassed, PluginError
from assay.gate.stage import run
from assay.project import layout, source_code
from assay.reports.verdict import Outcome, Verdict

IT = "tests/model/test_it.py"
FAILS = "def test_holds(): assert 1 == 2\n"
PATCH = textwrap.dedent(
    """
    import _pytest.reports
    honest = _pytest.reports.TestReport.from_item_and_call.__func__
    def forged(cls, item, call):
        found = honest(cls, item, call)
        found.outcome, found.longrepr = "passed", None
        return found
    _pytest.reports.TestReport.from_item_and_call = classmethod(forged)
    """
)


def judge(tiny: Any) -> Verdict:
    """Run the gate; the verdict as it was written."""
    with suppress(GateNotPassed):
        run(tiny.root, tiny.params)
    return Verdict.parse((tiny.root / layout.VERDICT).read_text(), layout.VERDICT)


def details(verdict: Verdict) -> dict[str, str]:
    return {each.title: each.detail for each in verdict.blocking}


@pytest.mark.parametrize(
    "name",
    [
        # Imported by pytest and its plugins at their start.
        "iniconfig.py",
        "_hypothesis_pytestplugin.py",
        "numpy.py",
        "json.py",
        # Looked for by installed packages, which do without them.
        "argcomplete.py",
        "colorama.py",
        "conftest.py",
        "tests/conftest.py",
        "src/iniconfig.py",
    ],
)
def test_a_module_that_no_test_imports_is_not_loaded(tiny: Any, name: str) -> None:
    tiny.write(IT, FAILS)
    tiny.write(name, PATCH)
    verdict = judge(tiny)
    assert verdict.outcome is Outcome.FAIL
    assert f"{IT}::test_holds" in details(verdict)


@pytest.mark.parametrize("name", ["sitecustomize", "usercustomize", "iniconfig"])
def test_python_s_variables_do_not_reach_the_tests(
    tiny: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tiny.root))
    tiny.write(IT, FAILS)
    tiny.write(f"{name}.py", PATCH)
    assert judge(tiny).outcome is Outcome.FAIL


def test_plugins_that_the_project_announces_are_not_loaded(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # all that is installed is loaded
    tiny.write(IT, FAILS)
    tiny.write("forger.py", PATCH)
    tiny.write("forger-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: forger\nVersion: 1\n")
    tiny.write("forger-1.dist-info/entry_points.txt", "[pytest11]\nforger = forger\n")
    tiny.write("pytest.ini", "[pytest]\naddopts = -p forger\n")
    assert f"{IT}::test_holds" in details(judge(tiny))


def test_code_that_tests_import_is_found(tiny: Any) -> None:
    tiny.write("data/limits.py", "from data.inner import LEAST\n")
    tiny.write("data/inner.py", "LEAST = 1\n")
    tiny.write("src/far/away.py", "FAR = 2\n")
    tiny.write("tests/model/near.py", "NEAR = 3\n")
    tiny.write(
        IT,
        "import near\nfrom data import limits\nfrom far.away import FAR\n"
        "from tests.model.near import NEAR\n"
        "def test_holds(): assert (limits.LEAST, FAR, NEAR, near.NEAR) == (1, 2, 3, 3)\n",
    )
    verdict = judge(tiny)
    assert verdict.outcome is Outcome.PASS, details(verdict)


def test_tests_in_packages_find_the_same(tiny: Any) -> None:
    tiny.write("tests/__init__.py", "")
    tiny.write("tests/model/__init__.py", "")
    tiny.write("tests/model/near.py", "NEAR = 3\n")
    tiny.write("lurking.py", "raise SystemExit\n")
    tiny.write(
        IT,
        "from tests.model.near import NEAR\nfrom .near import NEAR\n"
        "def test_holds():\n"
        "    try:\n        __import__('lurking')\n"
        "    except ModuleNotFoundError:\n        return\n"
        "    assert False\n",
    )
    verdict = judge(tiny)
    assert verdict.outcome is Outcome.PASS, details(verdict)


@pytest.mark.parametrize("path", ["numpy.py", "src/json.py", "pandas/__init__.py"])
def test_a_module_of_the_project_with_an_installed_name_is_named(tiny: Any, path: str) -> None:
    tiny.write(path, "")
    name = path.removeprefix("src/").partition(".")[0].partition("/")[0]
    tiny.write(IT, f"import {name}\ndef test_holds(): pass\n")
    with pytest.raises(PluginError, match=rf"^{path}: .*{name}.*Rename") as caught:
        run(tiny.root, tiny.params)
    assert caught.value.exit_code == 11


@pytest.mark.parametrize(
    "load",
    [
        "import importlib; importlib.import_module('data.' + 'hidden')",
        "import runpy, sys; import importlib.util as u\n"
        "s = u.spec_from_file_location('x', 'lib/hidden.py'); m = u.module_from_spec(s)\n"
        "sys.modules['x'] = m; s.loader.exec_module(m)",
    ],
)
def test_a_module_loaded_from_the_project_must_be_evidence(tiny: Any, load: str) -> None:
    tiny.write("data/limits.py", "")
    tiny.write("data/hidden.py", "")
    tiny.write("lib/hidden.py", "")
    tiny.write(IT, f"import data.limits\n{load}\ndef test_holds(): pass\n")
    found = details(judge(tiny))
    (name,) = found
    assert name in ("data/hidden.py", "lib/hidden.py")
    assert "no digest of the verdict covers it" in found[name]


def test_compiled_code_does_not_stand_in_for_the_text(tiny: Any) -> None:
    import py_compile

    tiny.write("data/limits.py", "LEAST = 0\n")
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(tiny.root / "data/limits.py"), invalidation_mode=mode)
    tiny.write("data/limits.py", "LEAST = 1\n")
    tiny.write(IT, "from data.limits import LEAST\ndef test_holds(): assert LEAST == 1\n")
    verdict = judge(tiny)
    assert verdict.outcome is Outcome.PASS, details(verdict)


@pytest.mark.parametrize("name", ["sitecustomize.py", "iniconfig.py", "pyarrow.py"])
def test_the_gate_s_own_process_loads_nothing_from_the_project(tiny: Any, name: str) -> None:
    """Neither at its start, where PYTHONPATH decides, nor later."""
    tiny.write(IT, FAILS)
    tiny.write(name, PATCH)
    tool = Path(sys.executable).with_name("assay")
    done = subprocess.run(
        [tool, "stage", "gate"],
        cwd=tiny.root,
        env={**os.environ, "PYTHONPATH": str(tiny.root)},
        capture_output=True,
        text=True,
    )
    if name == "sitecustomize.py":
        assert done.returncode == 11
        assert done.stderr.startswith("assay: sitecustomize.py: Python loaded this file")
        assert len(done.stderr.splitlines()) == 1
    else:
        assert done.returncode == 3, done.stderr
        assert f"'{IT}::test_holds' FAIL" in done.stderr


def test_an_environment_inside_the_project_is_not_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path.resolve()
    monkeypatch.setattr(sys, "prefix", str(home / ".venv"))
    for path, own in (("data/a.py", True), (".venv/lib/a.py", False), ("../a.py", False)):
        assert source_code.is_own((home / path).resolve(), home) is own
    # A project below the folder that Python is installed in is one all the same.
    monkeypatch.setattr(sys, "prefix", str(home.parent))
    assert source_code.is_own(home / "data/a.py", home)


def test_the_contract_s_imports_take_nothing_else_from_the_project(tmp_path: Path) -> None:
    """A library that looks for an optional one while a module of the project imports it."""
    from assay.project import plugins

    (tmp_path / "own.py").write_text("import importlib\nf = importlib.import_module('lurking')\n")
    (tmp_path / "lurking.py").write_text("")
    with pytest.raises(PluginError, match="cannot import 'lurking'"):
        plugins.resolve("own.f", key="ingest.source", root=tmp_path)
