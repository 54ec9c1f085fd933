"""Compiled models as bytes: always the same, and refused if anything in them is off."""

from __future__ import annotations

import inspect
import io
import json
import pickle
import subprocess
import sys
import zipfile
from functools import cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.columns.features import FrameFeatures
from assay.compiled import CompiledModel, kernels_columns
from assay.compiled.archive import pack, unpack
from assay.compiled.compile import compile_model
from assay.compiled.contributions import Explainer, explain_model
from assay.compiled.linear import kernels_linear
from assay.compiled.trees import kernels_contributions, kernels_scan, kernels_walk
from assay.errors import BundleChanged
from tests.compiled.fitted import SMALL, fit, table

ROWS = FrameFeatures(table().head(7))
CONTRIBUTIONS = (
    "_bits",
    "_classes",
    "_weigh",
    "_weigh_against",
    "add_contributions",
    "measure_paths",
)
KERNELS: list[tuple[ModuleType, str]] = [
    *((kernels_columns, name) for name in ("translate", "refuse", "encode", "ranks")),
    *((kernels_linear, name) for name in ("add_numbers", "add_states", "logistic", "interpolate")),
    (kernels_scan, "look_up_bits"),
    (kernels_scan, "scan"),
    (kernels_walk, "_step"),
    (kernels_walk, "walk"),
    (kernels_walk, "is_valid_layout"),
    *((kernels_contributions, name) for name in CONTRIBUTIONS),
]


@cache
def small(form: str) -> bytes:
    case = SMALL[form]
    return compile_model(fit(case), case.task, case.classes).to_bytes()


def model(form: str) -> CompiledModel:
    return CompiledModel.from_bytes(small(form), "x")


@cache
def explaining(form: str) -> bytes:
    return explain_model(fit(SMALL[form]), model(form), FrameFeatures(table())).to_bytes()


def in_python(patch: pytest.MonkeyPatch, but: str = "") -> None:
    """Let the loops run as they are written, all but one."""
    for module, name in KERNELS:
        if name != but:
            patch.setattr(module, name, inspect.unwrap(getattr(module, name)))


def refused(data: bytes) -> None:
    with pytest.raises(BundleChanged, match="not a compiled model"):
        CompiledModel.from_bytes(data, "compiled.npz")


@pytest.mark.parametrize("form", SMALL)
def test_the_same_model_gives_the_same_bytes(form: str) -> None:
    case = SMALL[form]
    again = compile_model(fit(case), case.task, case.classes)
    assert again.to_bytes() == small(form)
    assert CompiledModel.from_bytes(small(form), "x").to_bytes() == small(form)


@pytest.mark.parametrize("form", SMALL)
def test_it_is_an_npz_without_objects(form: str) -> None:
    with np.load(io.BytesIO(small(form)), allow_pickle=False) as arrays:
        names = set(arrays.files) - {"header.json"}
        assert names
        assert all(arrays[name].dtype.kind in "bifu" for name in names)


@pytest.mark.parametrize("form", SMALL)
def test_arrays_are_used_where_they_lie_in_a_file_that_is_mapped(form: str, tmp_path: Path) -> None:
    path = tmp_path / "compiled.npz"
    path.write_bytes(small(form))
    with path.open("rb") as file:
        mapped = mmap(file.fileno(), 0, access=ACCESS_READ)
    _, arrays = unpack(mapped)
    whole = np.frombuffer(mapped, np.uint8)
    for each in arrays.values():
        assert each.flags.aligned
        assert each.size == 0 or np.shares_memory(each, whole)
    wanted = CompiledModel.from_bytes(small(form), "x").scores(ROWS)
    assert CompiledModel.from_bytes(mapped, "x").scores(ROWS).tolist() == wanted.tolist()


@pytest.mark.parametrize("form", SMALL)
def test_what_is_not_aligned_is_copied(form: str) -> None:
    source = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(small(form))) as old, zipfile.ZipFile(source, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert CompiledModel.from_bytes(source.getvalue(), "x").to_bytes() == small(form)


@pytest.mark.parametrize("form", SMALL)
@settings(deadline=None, max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_does_not_matter(form: str, place: float, bit: int) -> None:
    data = bytearray(small(form))
    data[int(place * len(data))] ^= 1 << bit
    try:
        compiled = CompiledModel.from_bytes(bytes(data), "x")
    except BundleChanged:
        return
    # What zip files say twice, or not at all, may differ: times, flags, the system.
    assert compiled.to_bytes() == small(form)


@pytest.mark.parametrize("form", SMALL)
def test_what_is_cut_short_or_something_else_is_refused(form: str) -> None:
    data = small(form)
    for size in (0, 1, 100, len(data) // 2, len(data) - 1):
        refused(data[:size])
    refused(pickle.dumps(data))
    header, arrays = unpack(data)
    for key in header:
        refused(pack({name: value for name, value in header.items() if name != key}, arrays))
        refused(pack(header | {key: "odd"}, arrays))
        refused(pack(header | {key: [1]}, arrays))
    for key in arrays:
        refused(pack(header, {name: value for name, value in arrays.items() if name != key}))
        refused(pack(header, arrays | {key: arrays[key].astype(np.complex128)}))
        refused(pack(header, arrays | {key: arrays[key][None]}))
        # A walk looks up its leaves' values, so one more of them is one that nobody sees.
        if arrays[key].size and arrays[key].ndim and (form, key) != ("walk", "body.nodes.values"):
            refused(pack(header, arrays | {key: np.append(arrays[key], arrays[key][-1:])}))
    refused(pack(header, arrays | {"more": np.zeros(1)}))


def test_an_array_of_objects_or_of_more_than_there_is_is_refused() -> None:
    header, arrays = unpack(small("linear"))
    refused(pack(header, arrays | {"weights.fill": np.array([{}], object).astype("U9")}))
    for text in (
        "'|O', 'fortran_order': False, 'shape': (1,)",
        "'<f8', 'fortran_order': False, 'shape': (9999999999,)",
    ):
        member = io.BytesIO()
        member.write(np.lib.format.magic(1, 0))
        written = ("{'descr': " + text + ", }").ljust(117).encode() + b"\n"
        member.write(len(written).to_bytes(2, "little") + written)
        target = io.BytesIO(small("linear"))
        with zipfile.ZipFile(target, "a") as archive:
            archive.writestr("more.npy", member.getvalue())
        refused(target.getvalue())
    squeezed = io.BytesIO()
    with zipfile.ZipFile(squeezed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps(header))
    refused(squeezed.getvalue())


Parts = tuple[dict[str, Any], dict[str, Any]]


@st.composite
def tampered(draw: st.DrawFn, data: bytes) -> Parts:
    """Header and arrays of which one or two numbers are others."""
    header, arrays = unpack(data)
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from([name for name in sorted(arrays) if arrays[name].size]))
        values = arrays[name].copy().reshape(-1)
        place = draw(st.integers(0, len(values) - 1))
        kind = values.dtype
        if kind.kind == "f":
            new: Any = draw(st.floats())
        elif kind.kind == "b":
            new = draw(st.booleans())
        else:
            limits = np.iinfo(kind)
            near = st.integers(-3, 3).map(lambda by, old=int(values[place]): old + by)
            new = draw(near | st.integers(0, 99) | st.integers(int(limits.min), int(limits.max)))
            new = min(max(new, int(limits.min)), int(limits.max))
        values[place] = new
        arrays[name] = values.reshape(arrays[name].shape)
    return header, arrays


@pytest.mark.parametrize("form", SMALL)
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_what_is_accepted_stays_within_its_arrays(form: str, data: st.DataObject) -> None:
    """In Python the loops complain about places out of range; as machine code they would not."""
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        in_python(patch, but="logistic")  # which has no places, and overflows to infinity
        try:
            compiled = CompiledModel.from_bytes(pack(*data.draw(tampered(small(form)))), "x")
        except BundleChanged:
            return
        assert len(compiled.scores(ROWS)) == ROWS.rows


@pytest.mark.parametrize("form", ["scan", "walk", "linear"])
@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_an_explainer_that_is_accepted_stays_within_its_arrays(
    form: str, data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        in_python(patch)
        try:
            damaged = pack(*data.draw(tampered(explaining(form))))
            made = Explainer.from_bytes(damaged, model(form), "reasons.npz")
        except BundleChanged:
            return
        assert len(made.contributions(ROWS).values) == ROWS.rows


@pytest.mark.parametrize("form", SMALL)
def test_what_explains_a_model_is_the_same_each_time_and_of_no_other(form: str) -> None:
    made = Explainer.from_bytes(explaining(form), model(form), "x")
    assert made.to_bytes() == explaining(form)
    again = explain_model(fit(SMALL[form]), model(form), FrameFeatures(table()))
    assert again.to_bytes() == explaining(form)
    for other in SMALL:
        if model(other).kind != model(form).kind:
            with pytest.raises(BundleChanged, match=r"reasons\.npz.*in place of"):
                Explainer.from_bytes(explaining(form), model(other), "reasons.npz")


@pytest.mark.parametrize("form", SMALL)
def test_loops_say_the_same_in_python(form: str) -> None:
    compiled = CompiledModel.from_bytes(small(form), "x")
    wanted = compiled.scores(ROWS)
    with pytest.MonkeyPatch.context() as patch:
        in_python(patch)
        assert CompiledModel.from_bytes(small(form), "x").scores(ROWS).tolist() == wanted.tolist()


def test_scoring_needs_no_scikit_learn_and_loading_no_numba(tmp_path: Path) -> None:
    path = tmp_path / "compiled.npz"
    path.write_bytes(small("scan"))
    code = f"""
import sys
from pathlib import Path
from assay.compiled import CompiledModel
compiled = CompiledModel.from_bytes(Path({str(path)!r}).read_bytes(), "x")
loaded = set(sys.modules)
from assay.compiled.edge_cases import FeaturesInMemory
from assay.columns.categories import Categories
from assay.columns.features import CategoryColumn
import numpy as np
numbers = {{name: np.ones(3) for name in compiled.inputs.numeric}}
coded = CategoryColumn(np.zeros(3, np.int32), Categories(["L1"]))
compiled.scores(FeaturesInMemory(3, numbers, dict.fromkeys(compiled.inputs.categorical, coded)))
print({{"numba", "pandas"}} & loaded, {{"sklearn", "skops", "pandas"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "set() set()"
