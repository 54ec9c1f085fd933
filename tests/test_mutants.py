"""What `make mutants` changes, and how it counts."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from scripts.mutants import report, targets
from scripts.mutants.make import Mutant, mutants
from scripts.mutants.report import Tried

ROOT = Path(__file__).resolve().parents[1]
SOURCE = '''\
"""A docstring of 2 lines stays."""
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import numpy

LIMIT = 3

class Kind:
    size: int = Field(ge=1)

def f(a: int | None, b: str = "x") -> int:
    """This stays, too."""
    assert a is not None
    if a and not b:
        raise ValueError(f"{a + 1} is wrong")
    for each in g(a, key=b):
        if each is None:
            continue
        print(each)
    return 1 <= a < LIMIT or -a
'''
CHANGES = [
    ("module", "3 -> 4"),
    ("Kind", "1 -> 2"),
    ("Kind", "Field(..., ge=1) -> Field(...)"),
    ("f", "a and not b -> (a) or (not b)"),
    ("f", "a and not b -> (not (a and not b))"),
    ("f", "not b -> (b)"),
    ("f", 'raise ValueError(f"{a + 1} is wrong") -> pass'),
    ("f", "g(..., key=b) -> g(...)"),
    ("f", "each is None -> each is not None"),
    ("f", "continue -> pass"),
    ("f", "print(each) -> pass"),
    ("f", "1 <= a < LIMIT or -a -> (1 <= a < LIMIT) and (-a)"),
    ("f", "1 <= a < LIMIT or -a -> None"),
    ("f", "1 -> 2"),
    ("f", "1 <= a -> 1 < a"),
    ("f", "1 <= a -> 1 > a"),
    ("f", "a < LIMIT -> a <= LIMIT"),
    ("f", "a < LIMIT -> a >= LIMIT"),
    ("f", "-a -> (a)"),
]


def test_every_small_change_and_no_other() -> None:
    found = mutants("m.py", SOURCE.encode())
    assert sorted((each.where, each.change) for each in found) == sorted(CHANGES)
    assert found == mutants("m.py", SOURCE.encode())


def test_a_mutant_is_the_source_but_for_its_change() -> None:
    for each in mutants("m.py", SOURCE.encode()):
        text = each.applied(SOURCE.encode())
        ast.parse(text)
        assert text.startswith(SOURCE.encode()[: each.start])
        assert text.endswith(SOURCE.encode()[each.end :])
        assert SOURCE.encode()[: each.start].count(b"\n") + 1 == each.line


@pytest.mark.parametrize("name", targets.modules(ROOT))
def test_every_mutant_of_the_gate_can_be_compiled(name: str) -> None:
    source = (ROOT / name).read_bytes()
    found = mutants(name, source)
    assert found
    before = ast.parse(source).body
    dumped = [ast.dump(statement) for statement in before]
    for each in found:
        after = ast.parse(each.applied(source)).body
        assert len(after) == len(before)
        place = next(at for at, known in enumerate(before) if each.line <= (known.end_lineno or 0))
        assert ast.dump(after[place]) != dumped[place]


@pytest.mark.parametrize("name", targets.modules(ROOT))
def test_every_module_and_its_tests_are_there(name: str) -> None:
    assert (ROOT / name).is_file()
    for test in targets.tests(name):
        assert (ROOT / test).is_file(), test


def test_a_room_is_spoken_for_by_the_tests_that_import_its_modules() -> None:
    found = targets.room_modules(ROOT, "store")
    assert "pipeline/assay/store/publish.py" in found
    for name in found:
        assert targets.tests(name, ROOT)
    assert not targets.room_modules(ROOT, "nowhere")
    units = targets.tests("pipeline/assay/metrics/sampling_units.py", ROOT)
    assert units[0] == "tests/metrics/test_sampling_units.py" and len(units) > 1


def tried(change: str, outcome: str) -> Tried:
    return Tried(Mutant("a.py", 7, "f", change, 0, 1, "x"), outcome, 30)


FOUND = report.module(
    "a.py",
    b"a",
    [
        tried("1 -> 2", "survived"),
        tried("`a` -> None", "survived"),
        tried("b", "killed"),
        tried("c", "timed out"),
    ],
)
OTHER = report.module("b.py", b"b", [tried("1 -> 2", "killed")])


def test_the_report_counts_and_names_survivors(tmp_path: Path) -> None:
    reasons = tmp_path / "survivors.toml"
    reasons.write_text(
        '[[survivor]]\nfile = "a.py"\nin = "f"\nchange = "1 -> 2"\nreason = "It is the same."\n'
    )
    sources = {"a.py": b"a", "b.py": b"other"}
    assert report.write(tmp_path / "out", [FOUND, OTHER], reasons, sources) == 0.6
    text = (tmp_path / "out/README.md").read_text(encoding="utf-8")
    assert "**3 of 5 mutants are killed: 60.0%.** Trying them took 2 minutes of one core." in text
    assert "| a.py | 4 | 2 | 2 | 50.0% |  |\n" in text
    assert "| b.py | 1 | 1 | 0 | 100.0% | changed since |\n" in text
    assert "- a.py:7, in f: `1 -> 2`. It is the same.\n" in text
    assert "- a.py:7, in f: `'a' -> None`. No reason is given yet.\n" in text
    tree = json.loads((tmp_path / "out/mutants.json").read_text(encoding="utf-8"))
    assert (tree["mutants"], tree["killed"], tree["share"]) == (5, 3, 0.6)
    first = tree["modules"][0]
    assert (first["mutants"], first["killed"], first["timed_out"]) == (4, 2, 1)
    assert [each["reason"] for each in first["survivors"]] == ["It is the same.", None]


def test_modules_that_were_not_tried_again_stay(tmp_path: Path) -> None:
    assert report.read(tmp_path) == []
    report.write(tmp_path, [FOUND, OTHER], tmp_path / "none.toml", {"a.py": b"a", "b.py": b"b"})
    again = report.module("a.py", b"new", [tried("1 -> 2", "killed")])
    now = report.merged(report.read(tmp_path), [again], ["a.py", "b.py"])
    assert [(each["file"], each["mutants"], each["killed"]) for each in now] == [
        ("a.py", 1, 1),
        ("b.py", 1, 1),
    ]
    assert report.merged(report.read(tmp_path), [again], ["a.py"]) == [again], "b.py is gone"
