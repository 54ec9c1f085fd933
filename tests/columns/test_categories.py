"""Categories answer alike, held by Arrow or as objects, few or many."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.columns import sketch
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


NAMES = st.dictionaries(st.text(max_size=3), st.integers(1, 9), max_size=40)


def registers(values: np.ndarray) -> bytes:
    return sketch.build_registers(sketch.rank_hashes(sketch.hash_numbers(values)))


@pytest.mark.parametrize("count", [0, 1, 10, 100, 1_000, 10_000, 300_000])
def test_the_estimate_is_near(count: int) -> None:
    values = np.arange(count, dtype=np.float64) * 0.37
    # Three standard errors of 3.2 %, and one value where there are few.
    assert sketch.estimate_distinct(registers(values)) == pytest.approx(count, rel=0.096, abs=1)


def test_the_estimate_is_not_biased() -> None:
    rng = np.random.default_rng(0)
    errors = [
        sketch.estimate_distinct(registers(rng.normal(size=5_000))) / 5_000 - 1 for _ in range(200)
    ]
    assert abs(np.mean(errors)) < 3 * 0.032 / np.sqrt(200)
    assert np.std(errors) == pytest.approx(0.032, rel=0.25)


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False), max_size=50), st.integers(0, 50))
def test_registers_are_those_of_the_set(values: list[float], cut: int) -> None:
    whole = np.array(values)
    parts = registers(whole[:cut]), registers(whole[cut:])
    assert (
        sketch.merge_registers(*parts) == sketch.merge_registers(*parts[::-1]) == registers(whole)
    )
    assert registers(np.append(whole, whole)) == registers(whole)
    assert sketch.from_text(sketch.to_text(registers(whole))) == registers(whole)


@settings(deadline=None)
@given(NAMES, NAMES, NAMES)
def test_the_names_that_are_kept_are_those_of_the_union(a: dict, b: dict, c: dict) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sketch, "NEW_KEPT", 7)
        ka, kb, kc = (sketch.select_names(each) for each in (a, b, c))
        union = {n: a.get(n, 0) + b.get(n, 0) + c.get(n, 0) for n in {**a, **b, **c}}
        assert sketch.merge_names(sketch.merge_names(ka, kb), kc) == sketch.select_names(union)
        assert sketch.merge_names(ka, sketch.merge_names(kb, kc)) == sketch.select_names(union)
        assert sketch.merge_names(ka, kb) == sketch.merge_names(kb, ka)
        assert len(sketch.select_names(union)) == min(7, len(union))
        assert all(union[name] == count for name, count in sketch.select_names(union))


def test_long_names_are_cut_and_stay_apart() -> None:
    long = ["x" * 80, "x" * 81, "x" * 82, "é" * 1_000_000]
    short = [sketch.shorten_name(name) for name in long]
    assert short[0] == long[0] and len(set(short)) == 4
    assert max(map(len, short)) == sketch.LONGEST_NAME
