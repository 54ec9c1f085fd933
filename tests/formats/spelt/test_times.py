from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.formats.spelt.cells import shapes
from assay.formats.spelt.times import time_formats, to_times

FORMATS = [
    "%d.%m.%Y",
    "%m/%d/%Y %I:%M %p",
    "%d-%b-%y",
    "%B %d, %Y",
    "%Y%m%d",
    "%Y/%m/%d %H:%M:%S.%f",
    "%d.%m.%y %H:%M:%S",
    "%Y-%m",
    "%H:%M",
    "%Y-%m-%d %H:%M%z",
    "%j/%Y",
]


def python(cell: str, time_format: str) -> datetime | None:
    try:
        found = datetime.strptime(cell, time_format)
    except ValueError:
        return None
    return found.replace(tzinfo=None) - (found.utcoffset() or found - found)


@pytest.mark.parametrize("time_format", FORMATS)
@given(st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31)))
def test_what_python_writes_is_read(time_format: str, at: datetime) -> None:
    cell = at.strftime(time_format).replace("%z", "+0200")
    cell += "+0200" * time_format.endswith("%z")
    assert to_times(pa.array([cell]), time_format)[0].as_py() == python(cell, time_format)


@given(
    st.tuples(st.integers(0, 40), st.integers(0, 14), st.integers(0, 10_000)),
    st.sampled_from("./-"),
)
def test_only_days_of_the_calendar_are_read(parts: tuple[int, int, int], mark: str) -> None:
    time_format = mark.join(["%d", "%m", "%Y"])
    cell = mark.join(map(str, parts))
    assert to_times(pa.array([cell]), time_format)[0].as_py() == python(cell, time_format)


@pytest.mark.parametrize("time_format", FORMATS)
def test_the_format_is_among_those_of_the_shape(time_format: str) -> None:
    if time_format in ("%H:%M", "%j/%Y", "%Y%m%d", "%Y-%m-%d %H:%M%z"):
        return
    cell = datetime(2024, 12, 31, 22, 59, 58).strftime(time_format)
    assert time_format in time_formats(shapes(pa.array([cell]))[0].as_py())


@pytest.mark.parametrize("cell", ["12:30", "1.2", "1.2.3", "12345678901", "99 Foo 9999", "9/9/9"])
def test_no_time(cell: str) -> None:
    assert time_formats(shapes(pa.array([cell]))[0].as_py()) == ()
