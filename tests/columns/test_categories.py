"""Categories answer alike, held by Arrow or as objects, few or many."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.columns.categories import FEW, Categories, KnownNames, hash_texts

TEXTS = st.lists(st.text(max_size=20), unique=True, max_size=12)
KINDS = (pa.string(), pa.large_string())


def held(texts: list[str]) -> list[Categories]:
    """The same texts in every way that they can be held; parts of a longer array among them."""
    longer = [pa.array(["before", *texts, "after"], kind) for kind in KINDS]
    return [
        Categories(texts),
        Categories(np.array([*texts, None], object)[:-1]),
        *(Categories(each.slice(1, len(texts))) for each in longer),
    ]


def murmur(text: str) -> int:
    """MurmurHash64A as it was published, with seed 0."""
    data, factor, mask = text.encode(), 0xC6A4A7935BD1E995, 2**64 - 1
    mixed, whole = len(data) * factor & mask, len(data) // 8 * 8
    for at in range(0, whole, 8):
        word = int.from_bytes(data[at : at + 8], "little") * factor & mask
        word = (word ^ word >> 47) * factor & mask
        mixed = (mixed ^ word) * factor & mask
    if data[whole:]:
        mixed = (mixed ^ int.from_bytes(data[whole:], "little")) * factor & mask
    mixed = (mixed ^ mixed >> 47) * factor & mask
    return mixed ^ mixed >> 47


@settings(deadline=None)
@given(TEXTS)
def test_the_hash_is_the_published_one_however_texts_are_held(texts: list[str]) -> None:
    expected = [murmur(text) for text in texts]
    for each in held(texts):
        assert each.hashes().tolist() == expected
    assert hash_texts(texts).tolist() == expected


@settings(deadline=None)
@given(TEXTS, TEXTS, st.booleans())
def test_a_category_is_found_where_its_name_is_known(
    texts: list[str], names: list[str], many: bool
) -> None:
    if many:
        texts = texts + [f"{'more':>21}{number}" for number in range(FEW)]
    expected = [names.index(text) if text in names else len(names) for text in texts]
    for each in held(texts):
        assert KnownNames(names).find(each).tolist() == expected
        assert list(each) == each.objects.tolist() == texts == each.arrow.to_pylist()


@pytest.mark.parametrize("places", [[], [2, 0]])
def test_some_are_taken_in_the_order_asked_for(places: list[int]) -> None:
    for each in held(["a", "b", "c"]):
        assert list(each.take(np.array(places, np.intp))) == ["abc"[place] for place in places]
