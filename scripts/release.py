"""`python -m scripts.release 0.2.0` makes the tree that version, ``--check v0.2.0`` says if it is.

A version is a commit in which pyproject.toml, CHANGELOG.md and docs/public-face.json say so, and a
tag of it. release.yml checks the tag before it builds anything.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

from scripts import public_face

ROOT = Path(__file__).resolve().parents[1]
PROJECT, CHANGELOG = "pyproject.toml", "CHANGELOG.md"
UNRELEASED = "## [Unreleased]\n"
BEFORE_THE_FIRST = "Nothing has been released yet. What a user of the first release gets:\n\n"
VERSION = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})", re.ASCII)


class Refused(Exception):
    """No version of this name can be made; the message says why."""


def prepare(root: Path, version: str, day: date) -> None:
    """Write ``version`` into the files that name it; nothing is committed.

    Raises
    ------
    Refused
        It is no version, it is not a later one than the last, it breaks more than its number may,
        or the changelog has nothing to say of it.
    """
    if not VERSION.fullmatch(version):
        raise Refused(f"{version} is no version; expected three numbers, such as 0.2.0")
    last, promised = public_face.kept(root)
    text = (root / CHANGELOG).read_text(encoding="utf-8")
    released = notes(text, last) is not None
    if _numbers(version) <= _numbers(last) and (released or version != last):
        raise Refused(f"{version} is not later than {last}, which {PROJECT} says")
    if released:
        broken = public_face.breaks(promised, public_face.face())
        if broken and not public_face.is_high_enough(last, version):
            raise Refused(f"{version} may break nothing of {last}, and {broken[0]}")
    above, mark, below = text.partition(UNRELEASED)
    new = below.lstrip("\n").removeprefix(BEFORE_THE_FIRST)
    if not mark or not new.strip() or new.startswith("## "):
        raise Refused(f"{CHANGELOG} has nothing under Unreleased")
    section = f"{mark}\n## [{version}] - {day}\n\n"
    (root / CHANGELOG).write_text(above + section + new, encoding="utf-8")
    project = (root / PROJECT).read_text(encoding="utf-8")
    named = re.sub(r'(?m)^version = "[^"]*"$', f'version = "{version}"', project, count=1)
    (root / PROJECT).write_text(named, encoding="utf-8")
    public_face.write(root, version)


def problems(root: Path, tag: str) -> list[str]:
    """Why the tree below ``root`` is not the version that ``tag`` names, a line each."""
    if not VERSION.fullmatch(tag.removeprefix("v")) or not tag.startswith("v"):
        return [f"'{tag}' is no tag of a version; expected one such as v0.2.0"]
    project = tomllib.loads((root / PROJECT).read_text(encoding="utf-8"))["project"]
    version = tag.removeprefix("v")
    found = []
    if project["version"] != version:
        found.append(f"{PROJECT}: version is {project['version']}, the tag says {version}")
    if not notes((root / CHANGELOG).read_text(encoding="utf-8"), version):
        found.append(f"{CHANGELOG}: no section [{version}] with a day and something in it")
    if public_face.kept(root) != (version, public_face.face()):
        found.append(f"{public_face.FILE.relative_to(ROOT)}: it is not what {version} offers")
    return found


def notes(changelog: str, version: str) -> str | None:
    """What the changelog says of a version; None if it has no section of it."""
    at = re.search(rf"(?m)^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n", changelog)
    return re.split(r"(?m)^## ", changelog[at.end() :], maxsplit=1)[0].strip() if at else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def main(arguments: list[str], root: Path = ROOT) -> int:
    """0 when the version was made, or the tree is the tag's; 1 with the reasons."""
    parser = argparse.ArgumentParser(prog="python -m scripts.release", description=__doc__)
    parser.add_argument("version", nargs="?", help="make this one, such as 0.2.0")
    parser.add_argument("--check", metavar="TAG", help="say whether the tree is this tag's version")
    parser.add_argument("--notes", metavar="FILE", type=Path, help="write what is new in it here")
    given = parser.parse_args(arguments)
    if (given.version is None) == (given.check is None):
        parser.error("give a version to make, or --check TAG")
    if given.check is not None:
        found = problems(root, given.check)
        print(*found, sep="\n", file=sys.stderr, end="\n" if found else "")
        if not found:
            print(f"this tree is {given.check}")
        if not found and given.notes:
            text = notes((root / CHANGELOG).read_text(encoding="utf-8"), given.check[1:])
            given.notes.parent.mkdir(parents=True, exist_ok=True)
            given.notes.write_text(f"{text}\n", encoding="utf-8")
        return bool(found)
    try:
        prepare(root, given.version, datetime.now(UTC).date())
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    subprocess.run(["git", "--no-pager", "diff", "--stat"], cwd=root, check=True)
    print("Read the diff, commit it, and when it is merged tag that commit:")
    print(f"  git tag --annotate v{given.version} --message v{given.version}")
    print(f"  git push origin v{given.version}    # release.yml builds, signs and publishes it")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
