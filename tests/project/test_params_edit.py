"""Single values of params.yaml are changed in place, and nothing else of the file."""

from __future__ import annotations

import pytest

from assay.errors import ParamsError
from assay.project.params.yaml_text import set_values

TEXT = """\
# windows
prepare:
  train: {from: "2024-01-01", to: '2024-01-31'}   # a month
  holdout:
    from: 2024-02-01
    to: "2024-02-10"  # ten days
"""


def test_only_the_values_change_each_in_its_quotes() -> None:
    changed = set_values(
        TEXT,
        {
            ("prepare", "train", "from"): "2024-03-01",
            ("prepare", "train", "to"): "2024-03-31",
            ("prepare", "holdout", "from"): "2024-04-01",
            ("prepare", "holdout", "to"): "2024-04-10",
        },
    )
    assert changed == TEXT.replace("2024-01", "2024-03").replace("2024-02", "2024-04")


def test_no_values_no_change() -> None:
    assert set_values(TEXT, {}) == TEXT


@pytest.mark.parametrize(
    "keys",
    [("prepare", "test", "from"), ("prepare", "train"), ("windows",), ("prepare", "train", "x")],
)
def test_what_is_no_plain_value_is_named(keys: tuple[str, ...]) -> None:
    with pytest.raises(ParamsError, match=f"params.yaml: {'.'.join(keys)}: expected a plain value"):
        set_values(TEXT, {keys: "x"})


def test_a_value_over_two_lines_is_refused() -> None:
    with pytest.raises(ParamsError):
        set_values("a: x\n  y\n", {("a",): "b"})
