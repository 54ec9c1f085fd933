"""The tree of errors: one line, one exit code each, intact after a trip through pickle."""

from __future__ import annotations

import pickle
import re

from pipeline import errors
from pipeline.errors import AssayError, NightNotFound, ParamsError


def subclasses(kind: type[AssayError]) -> list[type[AssayError]]:
    """All below, as the tree names them; other modules may refine a leaf under its own code."""
    found = [sub for sub in kind.__subclasses__() if sub.__module__ == errors.__name__]
    return [kind, *(below for sub in found for below in subclasses(sub))]


def leaves() -> list[type[AssayError]]:
    return [kind for kind in subclasses(AssayError) if len(subclasses(kind)) == 1]


def test_every_leaf_has_an_exit_code_of_its_own():
    codes = [kind.exit_code for kind in leaves()]
    assert len(set(codes)) == len(codes)
    assert not {0, 1, errors.UNFORESEEN, errors.INTERRUPTED} & set(codes)


def test_the_docstring_draws_the_tree_as_it_is():
    drawn = dict(re.findall(r"(\w+)\s+(\d+)\b", errors.__doc__ or ""))
    real = {kind.__name__: str(kind.exit_code) for kind in leaves()}
    assert real.items() <= drawn.items()


def test_the_message_is_one_line_with_all_its_parts():
    error = NightNotFound("no\nsuch night", where="data", expected="a", found="b", mend="Do c.")
    assert error.line() == "data: no such night (expected a, found b). Do c."
    assert str(error) == error.line()


def test_errors_survive_the_way_back_from_a_worker():
    for error in (NightNotFound("x", where="y", found="z"), ParamsError(["one", "two"])):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert again.lines() == error.lines()
        assert str(again) == str(error)
