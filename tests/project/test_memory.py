"""What a process may still take is the least of what machine, container and limits leave."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from assay.project.memory import GIGABYTE, available_memory


def system(root: Path, **files: str) -> Path:
    """Files of ``proc`` and ``sys``; ``__`` stands for a slash."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


MACHINE = {"proc__meminfo": "MemTotal: 9 kB\nMemAvailable:    5000 kB\n"}


def test_a_machine_tells_what_is_available(tmp_path: Path):
    assert available_memory(tmp_path) is None
    assert available_memory(system(tmp_path, **MACHINE)) == 5_120_000


def test_a_container_may_take_less_than_its_machine_has(tmp_path: Path):
    root = system(tmp_path, **MACHINE, proc__self__cgroup="0::/a/b\n")
    group = root / "sys" / "fs" / "cgroup" / "a"
    (group / "b").mkdir(parents=True)
    (group / "memory.max").write_text("3000\n")
    (group / "memory.current").write_text("2500\n")
    (group / "b" / "memory.max").write_text("max\n")
    (group / "b" / "memory.current").write_text("2500\n")
    assert available_memory(root) == 500
    # What is cached of files goes when memory is needed.
    (group / "memory.stat").write_text("anon 7\ninactive_file 200\n")
    assert available_memory(root) == 700
    (group / "memory.current").write_text("9000\n")
    assert available_memory(root) == 0


def test_control_groups_of_the_first_version_have_other_names(tmp_path: Path):
    root = system(tmp_path, **MACHINE, proc__self__cgroup="7:cpu:/x\n3:memory:/x\n")
    group = root / "sys" / "fs" / "cgroup" / "memory" / "x"
    group.mkdir(parents=True)
    (group / "memory.limit_in_bytes").write_text("3000\n")
    (group / "memory.usage_in_bytes").write_text("1000\n")
    assert available_memory(root) == 2000


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
