"""What processes are given: memory that they keep."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

AGAIN = """\
import resource, numpy as np
from assay.project.processes import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    held = [np.ones(100_000) for _ in range(20)]  # 200 pages each
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory()
print(faults(), faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps it or not")
def test_arrays_take_the_memory_of_those_before_them() -> None:
    told = subprocess.run([sys.executable, "-c", AGAIN], capture_output=True, check=True, text=True)
    first, again = map(int, told.stdout.split())
    assert again * 20 < first
