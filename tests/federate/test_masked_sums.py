"""Masked sums: the sum is right, a part shows nothing, and what is no part is refused."""

from __future__ import annotations

import base64
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.federate.masked_sums import BYTES, LARGEST, Masks, unmask

NUMBERS = st.floats(-1e15, 1e15, allow_subnormal=False)


def agreed(*sites: str) -> dict[str, Masks]:
    masks = {site: Masks(site, "s") for site in sites}
    for site, mine in masks.items():
        mine.agree({other: masks[other].public for other in sites if other != site})
    return masks


THREE = agreed("a", "b", "c")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=5))
def test_the_sum_is_that_of_the_numbers(columns: list[tuple[float, float, float]]) -> None:
    numbers = np.array(columns).T
    parts = {site: THREE[site].hide("x", numbers[at]) for at, site in enumerate(THREE)}
    wanted = [math.fsum(column) for column in columns]
    assert unmask(parts, len(columns)) == pytest.approx(wanted, rel=1e-15, abs=1e-15)


def test_a_part_is_masked_anew_at_each_step_and_by_each_pair() -> None:
    zeros = np.zeros(4)
    parts = {(site, step): THREE[site].hide(step, zeros) for site in THREE for step in ("x", "y")}
    assert len(set(parts.values())) == 6
    for one, other in itertools.combinations(THREE, 2):
        two = unmask({site: parts[site, "x"] for site in (one, other)}, 4)
        assert np.abs(two).min() > 1e6  # what is left is the third site's mask


def test_the_masks_of_another_session_do_not_cancel() -> None:
    other = Masks("c", "another")
    other.agree({"a": THREE["a"].public, "b": THREE["b"].public})
    parts = {site: THREE[site].hide("x", [1.0]) for site in ("a", "b")}
    assert abs(unmask({**parts, "c": other.hide("x", [1.0])}, 1)[0]) > 1e6


@pytest.mark.parametrize("number", [math.nan, math.inf, -LARGEST])
def test_what_is_no_number_does_not_leave_a_site(number: float) -> None:
    with pytest.raises(ValueError, match="cannot be summed"):
        THREE["a"].hide("x", [number])


@pytest.mark.parametrize("part", ["", "!", base64.b64encode(bytes(BYTES - 1)).decode()])
def test_a_part_of_another_size_is_refused_by_site(part: str) -> None:
    with pytest.raises(ValueError, match="b sent"):
        unmask({"a": THREE["a"].hide("x", [1.0]), "b": part}, 1)


@pytest.mark.parametrize("key", ["", "AAAA", base64.b64encode(bytes(32)).decode()])
def test_a_public_key_that_is_none_is_refused_by_site(key: str) -> None:
    with pytest.raises(ValueError, match="the public key of b"):
        Masks("a", "s").agree({"b": key})
