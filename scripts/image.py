"""`make image`: builds the images that the Containerfile describes.

The time that the image states is that of the last commit, so one commit gives one digest, on
whatever day it is built. (Docker has no such option: its images get another digest each time.)
Needs nothing but this Python and one of podman, buildah and docker.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ("score", "full")
BUILDERS = ("podman", "buildah", "docker")


class Failed(Exception):
    """An image that cannot be built; the message says what to do."""


def find_builder() -> list[str]:
    """The first of `BUILDERS` that is installed, as the beginning of a command."""
    for name in BUILDERS:
        if shutil.which(name):
            return [name]
    raise Failed(f"images are built with one of {', '.join(BUILDERS)}, and none is installed")


def commit_time() -> str:
    """SOURCE_DATE_EPOCH, else when the last commit was made, in seconds since 1970."""
    if stated := os.environ.get("SOURCE_DATE_EPOCH"):
        return stated
    done = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode or not done.stdout.strip():
        raise Failed("the last commit's time cannot be had; state one: SOURCE_DATE_EPOCH=0")
    return done.stdout.strip()


def build_command(
    builder: Sequence[str], target: str, tag: str, time: str, more: Sequence[str] = ()
) -> list[str]:
    """The command that builds one target.

    Parameters
    ----------
    builder
        Its program, and options that come before ``build``.
    more
        Further options, such as ``--build-arg BASE=...``.
    """
    docker = Path(builder[0]).name == "docker"
    # Docker's format would name the container that built the image, another one each time.
    own = [] if docker else ["--format", "oci", "--timestamp", time]
    file = ["--file", "Containerfile"]
    return [*builder, "build", "--target", target, "--tag", tag, *own, *file, *more, "."]


def build(builder: Sequence[str], target: str, tag: str, time: str, more: Sequence[str]) -> None:
    """Build one target; what the builder says is shown.

    Raises
    ------
    Failed
        The builder ended with an error.
    """
    command = build_command(builder, target, tag, time, more)
    print(f"$ {shlex.join(command)}", flush=True)
    code = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL).returncode
    if code:
        raise Failed(f"{tag}: {builder[0]} ended with exit code {code}")


def push(builder: Sequence[str], made: str, place: str) -> str:
    """Push one image to a registry, and return the digest that it has there.

    Raises
    ------
    Failed
        The registry did not take it, or the builder cannot say the digest.
    """
    if Path(builder[0]).name == "docker":
        raise Failed("--push needs podman or buildah, which say the digest that was pushed")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "digest"
        command = [*builder, "push", "--digestfile", str(file), made, f"docker://{place}"]
        print(f"$ {shlex.join(command)}", flush=True)
        code = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL).returncode
        if code:
            raise Failed(f"{place}: {builder[0]} ended with exit code {code}; are you logged in?")
        return file.read_text(encoding="utf-8").strip()


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what the command line asks for; 0 if all went well."""
    about = "Build the Containerfile's images. Other options are passed on to the builder."
    parser = argparse.ArgumentParser(prog="image.py", description=about, allow_abbrev=False)
    parser.add_argument("--target", choices=TARGETS, action="append", help="one of them (both)")
    parser.add_argument("--name", default="assay", help="the images are NAME:TARGET (assay)")
    parser.add_argument("--base", help="an image with Python 3.11 to 3.13 (the Containerfile's)")
    parser.add_argument("--builder", help="its command, with options that come before 'build'")
    parser.add_argument(
        "--push",
        metavar="IMAGE:VERSION",
        help="push them as IMAGE:VERSION-TARGET, in small letters",
    )
    given, more = parser.parse_known_args(arguments)
    if given.base:
        more += ["--build-arg", f"BASE={given.base}"]
    try:
        builder = shlex.split(given.builder) if given.builder else find_builder()
        made = [f"{given.name}:{target}" for target in given.target or TARGETS]
        for target, tag in zip(given.target or TARGETS, made, strict=True):
            build(builder, target, tag, commit_time(), more)
            if given.push:
                place = f"{given.push}-{target}".lower()
                said = f"{target}={push(builder, tag, place)}"
                print(said)
                # A later step of a workflow signs where it comes from.
                if output := os.environ.get("GITHUB_OUTPUT"):
                    with Path(output).open("a", encoding="utf-8") as lines:
                        lines.write(f"image={place.rpartition(':')[0]}\n{said}\n")
    except Failed as failure:
        print(f"image: {failure}", file=sys.stderr)
        return 1
    # Their digests and sizes. With the tag: without one buildah looks for the tag latest.
    shown = [subprocess.run([*builder, "images", "--digests", tag], cwd=ROOT) for tag in made]
    return max(done.returncode for done in shown)


if __name__ == "__main__":
    sys.exit(main())
