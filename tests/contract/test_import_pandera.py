"""A command that loads a contract imports neither pyspark nor hypothesis for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys, threading
{before}
from assay.contract.loader import load_contract_text
load_contract_text({text!r}, "contract.py")
print([name in sys.modules for name in ("hypothesis", "pyspark", "pyspark.pandas")])
import pyspark
"""
CONTRACT = """
import pandera.pandas as pa
from pandera.typing import Series

class Row(pa.DataFrameModel):
    day: Series[pa.DateTime] = pa.Field(metadata={"role": "time"})
    key: Series[int] = pa.Field(gt=0, metadata={"role": "key"})
    weight: Series[float] = pa.Field(ge=0, metadata={"role": "feature"})
    late: Series[bool] = pa.Field(metadata={"role": "label"})

    @pa.dataframe_check
    def light(cls, rows):
        return rows["weight"] < 10
"""


@pytest.mark.parametrize(
    ("before", "imported"),
    [
        ("", [False, False, False]),
        ("import pyspark.pandas", [False, True, True]),
        # Another thread may be starting Spark.
        ("threading.Thread(target=threading.Event().wait, daemon=True).start()", [True] * 3),
    ],
)
def test_what_pandera_does_not_need_is_not_imported(before: str, imported: list[bool]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE.format(before=before, text=CONTRACT)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(imported)
