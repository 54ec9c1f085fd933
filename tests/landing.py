"""A night of any input, found and landed, as the table that tasks would read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from assay.contract.definition import Contract
from assay.project import params
from assay.project.params import Params
from assay.project.params.inputs import Input
from assay.score.inputs.formats import find_night
from assay.score.inputs.landing import landed
from assay.score.inputs.types import Session
from assay.store.delta.location import filesystem
from tests.projects import PARCELS


def no_spark() -> NoReturn:
    raise AssertionError("Spark was asked for")


def with_input(spec: Any) -> Params:
    """The params of the small project with another input."""
    given = params.load(PARCELS)
    score = given.score.model_copy(update={"input": TypeAdapter(Input).validate_python(spec)})
    return given.model_copy(update={"score": score})


def landed_rows(
    root: Path, spec: Any, contract: Contract, night: str, session: Session = no_spark
) -> pa.Table:
    """All columns of a night; nothing stays of what was landed."""
    home = root / "landed"
    looked_at = find_night(root, with_input(spec), contract, night)
    with landed(looked_at, str(home), contract, session) as found:
        tables = []
        for file in found.files:
            system, path = filesystem(file.path)
            with system.open_input_file(path) as source:
                tables.append(pq.read_table(source))
        assert found.rows == sum(table.num_rows for table in tables)
        assert looked_at.rows in (None, found.rows)
    assert not home.exists() or not list(home.iterdir())
    return pa.concat_tables(tables, promote_options="permissive")
