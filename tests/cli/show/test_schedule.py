"""What is said of an archive: both ways to use it can be copied as they are."""

from __future__ import annotations

import shlex
import subprocess
import sys

from assay.cli.show.schedule import pack_lines as lines
from assay.score.pack.pack import PackReport

PACKED = PackReport(
    path="/here/build/assay-pack.tar.gz",
    size=575_400_000,
    python="3.11",
    platform="linux-x86_64",
    code="sha256:0",
    distributions={"numpy": "2.0", "pyarrow": "17.0"},
    archives="build/assay-pack.tar.gz#assay",
)


def test_the_archive_and_how_params_yaml_names_it() -> None:
    first, *more = lines(PACKED)
    assert first == (
        "packed: /here/build/assay-pack.tar.gz, 575 MB, 2 packages, for Python 3.11 on linux-x86_64"
    )
    assert "    spark.archives: build/assay-pack.tar.gz#assay" in more


def test_what_spark_submit_is_given_is_the_command_line() -> None:
    *_, last = lines(PACKED)
    submit = shlex.split(last)
    assert submit[0] == "spark-submit" and submit[-3:] == ["score", "--date", "DAY"]
    script = submit[-4]
    done = subprocess.run(
        [sys.executable, script, "score", "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("usage: ") and "--carrier" in done.stdout
