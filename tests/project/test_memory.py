"""A command that its libraries could not be loaded for ends with one line."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from assay.project.memory import GIGABYTE


@pytest.mark.parametrize(("gigabytes", "code"), [(3.9, 8), (4.5, 10), (None, 10)])
def test_a_command_needs_address_space_for_its_libraries(
    tmp_path: Path, gigabytes: float | None, code: int
):
    limit = resource.RLIM_INFINITY if gigabytes is None else int(gigabytes * GIGABYTE)
    done = subprocess.run(
        [sys.executable, "-m", "assay.cli.__main__", "status", "--root", str(tmp_path)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    assert ("too little address space (expected 4 GB" in line and "found 3.9 GB" in line) is (
        code == 8
    )
