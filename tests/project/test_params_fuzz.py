"""Whatever stands in params.yaml: it is read, or each mistake is one line that names the file."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from assay.errors import ParamsError
from assay.project import params
from tests.projects import PARCELS, ROOT

TEXTS = [(place / "params.yaml").read_text(encoding="utf-8") for place in (ROOT, PARCELS)]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=True),
    st.sampled_from(
        ["", " ", "auto", "a:b", "a.b", "é\n", "{night}", ".inf", "2024-02-30", "x" * 300]
    ),
    st.lists(st.integers(0, 1), max_size=2),
    st.dictionaries(st.sampled_from(["class", "args", "rule", "min", "ünknown"]), st.just(0)),
)
SIGNS = ["", ":", "\n", "  ", "-", "{", "[", "'", '"', "#", "&a ", "*a", "!x ", "\t", "\0", "é"]


def read(text: str) -> None:
    try:
        params.parse(text, "params.yaml")
    except ParamsError as error:
        assert error.lines()
        for line in error.lines():
            assert line.startswith("params.yaml") and "\n" not in line and len(line) < 2000, line


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Each container of the tree with one of its keys."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    found = []
    for key, value in list(items):
        found.append((tree, key))
        if isinstance(value, dict | list):
            found += places(value)
    return found


@settings(max_examples=100, deadline=None)
@given(text=st.sampled_from(TEXTS), which=st.integers(0, 10**6), value=ODD)
def test_any_value_anywhere_is_read_or_refused_by_name(text: str, which: int, value: Any) -> None:
    tree = YAML(typ="safe").load(text)
    everywhere = places(tree)
    container, key = everywhere[which % len(everywhere)]
    container[key] = value
    from io import StringIO

    out = StringIO()
    YAML(typ="safe").dump(tree, out)
    read(out.getvalue())


@settings(max_examples=100, deadline=None)
@given(text=st.sampled_from(TEXTS), seed=st.integers(0, 10**6))
def test_a_file_that_was_edited_blindly_is_read_or_refused_by_name(text: str, seed: int) -> None:
    drawn = random.Random(seed)
    for _ in range(drawn.randint(1, 4)):
        at = drawn.randrange(len(text))
        odd = drawn.choice(
            ["", ":", "\n", "  ", "-", "{", "[", "'", '"', "#", "&a ", "*a", "!x ", "\t", "\0", "é"]
        )
        text = text[:at] + odd + text[at + drawn.randint(0, 9) :]
    read(text)


@pytest.mark.parametrize("text", ["", "\n", "[]", "5", "name: x\n---\nname: y\n", "\ufeffname: x"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(ParamsError, match=r"params\.yaml"):
        params.parse(text, "params.yaml")
