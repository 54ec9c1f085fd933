"""The model of scale, on numbers that are made up; nothing here takes a time."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.score.inputs import split as splits
from assay.score.inputs.types import InputFile
from benchmarks import scale, scale_model
from benchmarks.scale_model import Load, Model

LOADS = [
    *(Load(rows, 2, 2, cores) for rows in (500_000, 1_000_000, 4_000_000) for cores in (1, 2)),
    *(Load(1_000_000, 400, 2, cores) for cores in (1, 2)),
    *(Load(1_000_000, 2, 400, cores) for cores in (1, 2)),
]
term = st.floats(1e-4, 1.0)
models = st.builds(Model, start=term, file=term, task=term, row=st.floats(1e-7, 1e-5), own=term)
loads = st.builds(
    Load,
    rows=st.integers(1, 10**10),
    files=st.integers(1, 10**5),
    tasks=st.integers(1, 10**5),
    cores=st.integers(1, 10**4),
)


@settings(deadline=None)
@given(models)
def test_exact_measurements_give_back_the_model_that_made_them(model: Model):
    found = scale_model.fit([(load, model.seconds(load)) for load in LOADS])
    for name, value in dataclasses.asdict(model).items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-3)


@settings(deadline=None)
@given(models, st.lists(st.floats(0.5, 2.0), min_size=len(LOADS), max_size=len(LOADS)))
def test_no_term_is_negative_however_odd_the_measurements(model: Model, noise: list[float]):
    found = scale_model.fit(
        [(load, model.seconds(load) * odd) for load, odd in zip(LOADS, noise, strict=True)]
    )
    assert min(dataclasses.astuple(found)) >= 0


def test_nights_that_are_all_alike_tell_nothing():
    alike = [(Load(rows, 2, 2, 1), rows / 1e6) for rows in (500_000, 1_000_000, 4_000_000)]
    with pytest.raises(ValueError, match="3 nights cannot tell 5 terms apart"):
        scale_model.fit(alike)


@settings(deadline=None)
@given(models, loads)
def test_twice_the_cores_never_take_longer_nor_less_than_half(model: Model, load: Load):
    seconds = model.seconds(load)
    twice = model.seconds(dataclasses.replace(load, cores=2 * load.cores))
    assert seconds / 2 <= twice * (1 + 1e-12)
    assert model.driver(load) <= twice <= seconds


@pytest.mark.parametrize("cores", [1, 2, 7])
@pytest.mark.parametrize("rows", [100_000, 1_000_000, 7_300_000])
def test_a_planned_night_has_the_tasks_that_it_is_cut_into(rows: int, cores: int):
    groups = (100_000,) * (rows // 100_000)
    file = InputFile(path="x", size=1, row_groups=groups)
    assert scale_model.planned(rows, cores).tasks == len(splits.split_tasks([file], cores))


def test_the_outlook_says_where_half_of_the_time_is_the_drivers():
    model = Model(start=1.0, file=0.001, task=0.0, row=1e-6, own=0.0)
    lines = scale_model.outlook(model, [10**9], [2, 1000]).splitlines()
    # 1000 files cost the driver 1 s beside the start's; rows cost 1000 s of one core.
    assert lines[2] == "| 1,000,000,000 | 8.37 min | 3 s | at 500 cores |"
    assert {line.count("|") for line in lines} == {5}


@pytest.mark.parametrize(
    ("seconds", "said"), [(3.14159, "3.14 s"), (600, "10 min"), (90_000, "25 h")]
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str):
    assert scale_model.duration(seconds) == said


def test_a_page_is_filled_between_its_marks_again_and_again():
    page = f"# Scale\n{scale.BEGIN}\nold\n{scale.END}\nafter\n"
    once = scale.filled(page, "| new |\n")
    assert once == f"# Scale\n{scale.BEGIN}\n\n| new |\n\n{scale.END}\nafter\n"
    assert scale.filled(once, "| new |\n") == once
    assert scale.filled(scale.PAGE.read_text(encoding="utf-8"), "x").count(scale.BEGIN) == 1


@pytest.mark.parametrize("page", ["", scale.BEGIN, f"{scale.END} {scale.BEGIN}"])
def test_a_page_without_its_marks_is_left_alone(page: str):
    with pytest.raises(ValueError, match="each once"):
        scale.filled(page, "x")
