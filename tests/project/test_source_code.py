"""The project's own modules: which are needed, and whose text runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from assay.errors import BundleChanged
from assay.project import digests, source_code

FILES = {
    "data/models.py": "from data.deep import base\nimport numpy\nVALUE = base.VALUE\n"
    "def late():\n    from data import lazy\n    return lazy.VALUE\n",
    "data/deep/__init__.py": "",
    "data/deep/base.py": "from . import more\nVALUE = more.VALUE\n",
    "data/deep/more.py": "VALUE = 1\n",
    "data/lazy.py": "VALUE = 2\n",
    "data/other.py": "raise RuntimeError\n",
}


def test_all_that_importing_a_module_runs_is_found_and_nothing_else(tmp_path: Path) -> None:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = source_code.find_dependencies(source_code.file_reader(tmp_path), ["data.models"])
    assert found == {path: text for path, text in FILES.items() if path != "data/other.py"}
    assert (
        source_code.find_dependencies(
            source_code.file_reader(tmp_path), ["sklearn.linear_model", "assay.cli.__main__"]
        )
        == {}
    )
    assert source_code.third_party_modules(found, ["lightgbm.sklearn"]) == {"numpy", "lightgbm"}


EVERYWHERE = """
import a1
from b1 import b2
try:
    import a2
except (lambda: ValueError)():
    import a3
else:
    import a4
finally:
    import a5
async def f():
    async with g() as h:
        import a6
    async for each in h:
        import a7
class C:
    def g(self):
        match 1:
            case 1 if [each for each in ()]:
                import a8
        while 0: import a9
        if 0: pass
        elif 1: import a10
        else: import a11
        try: pass
        except* OSError: import a12
"""


def test_an_import_is_found_wherever_a_statement_may_stand() -> None:
    found = source_code.imported_modules(EVERYWHERE, "a.py")
    assert {*found} == {*(f"a{number}" for number in range(1, 13)), "b1", "b1.b2"}


def test_what_only_a_type_checker_imports_is_not_found() -> None:
    text = "if TYPE_CHECKING:\n    import a\nelse:\n    import b\n"
    text += "if typing.TYPE_CHECKING:\n    import c\n"
    assert source_code.imported_modules(text, "m.py") == ("b",)


def test_the_quick_search_finds_the_same_files_of_assay(monkeypatch: pytest.MonkeyPatch) -> None:
    def files() -> dict[str, list[str]]:
        return {each: [*digests.stage_files(digests.PACKAGE, [each])] for each in digests.STAGES}

    quick = files()
    monkeypatch.setattr(source_code, "_imported_by_assay", source_code.imported_modules)
    assert quick == files()


def test_modules_come_from_the_given_texts_and_leave_no_trace() -> None:
    before = {name for name in sys.modules if name.partition(".")[0] == "data"}
    with source_code.import_from_files(FILES):
        import data.models as models  # type: ignore[import-not-found]

        assert (models.VALUE, models.__file__) == (1, "data/models.py")
    other = {**FILES, "data/deep/more.py": "VALUE = 7\n", "data/lazy.py": "VALUE = 8\n"}
    with source_code.import_from_files(other):
        import data.models as again

        assert again.VALUE == 7
    # What a function imports later is of the same set, whoever was asked in between.
    assert (models.late(), again.late(), models.VALUE) == (2, 8, 1)
    assert {name for name in sys.modules if name.partition(".")[0] == "data"} == before


def test_an_error_is_placed_in_the_projects_own_code() -> None:
    """Libraries in Cython are compiled under relative names too."""
    inner: dict[str, object] = {}
    exec(compile("def fail():\n    return 1 / 0\n", "pyarrow/table.pxi", "exec"), inner)
    exec(compile("\n\ndef ask():\n    fail()\n", "data/sinks.py", "exec"), inner)
    with pytest.raises(ZeroDivisionError) as caught:
        inner["ask"]()  # type: ignore[operator]
    assert source_code.raised_at(caught.value) == ", data/sinks.py:4"
    with pytest.raises(ZeroDivisionError) as caught:
        inner["fail"]()  # type: ignore[operator]
    assert source_code.raised_at(caught.value) == ""


def test_a_module_that_is_not_given_is_not_found_beside_those_that_are() -> None:
    with (
        source_code.import_from_files({"data/models.py": "import data.source"}),
        pytest.raises(ModuleNotFoundError, match=r"data\.source"),
    ):
        import data.models  # noqa: F401


def test_code_that_is_not_what_it_was_is_refused() -> None:
    known = {path: source_code.digest(text) for path, text in FILES.items()}
    assert source_code.read_verified(FILES.get, known, "the model") == FILES
    for files in ({**FILES, "data/lazy.py": "VALUE = 3\n"}, {"data/models.py": ""}):
        with pytest.raises(BundleChanged, match="the project's own code is not what"):
            source_code.read_verified(files.get, known, "the model")
