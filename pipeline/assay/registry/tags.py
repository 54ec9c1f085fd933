"""GTO's tag names and Assay's tag messages, read and written. Pure text.

==========================  =====================================
``late-flights@v1.0.0``     the commit is version 1.0.0
``late-flights@v1.0.0!``    it no longer is (also ``!#4``)
``late-flights#prod#3``     the stage goes to the commit's version
``late-flights#prod!#4``    the stage is taken from it
``late-flights@deprecated`` the whole artifact is retired
==========================  =====================================

A project in a subfolder ``a/b`` of its repository is called ``a/b:late-flights`` by GTO
and DVC, and ``a/b=late-flights`` in a tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from assay.errors import UsageError
from assay.registry.git import Tag

Bump = Literal["major", "minor", "patch"]
Action = Literal["register", "deregister", "assign", "unassign", "deprecate"]

_NUMBER = r"(?:0|[1-9]\d*)"
_SEMVER = rf"v{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
_WORD = r"[a-zA-Z0-9](?:[a-zA-Z0-9-/_]*[a-zA-Z0-9])?"
_FORM = re.compile(
    rf"(?P<artifact>(?:[a-zA-Z0-9-_./]+=)?{_WORD})"
    rf"(?:(?:@(?P<version>{_SEMVER})|\#(?P<stage>{_WORD}))(?P<cancel>!?)|@(?P<deprecated>deprecated))"
    r"(?:\#(?P<counter>\d+))?"
)
_TRAILER = re.compile(r"(?P<key>[A-Z][A-Za-z-]*): +(?P<value>\S.*)")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_STAGE = re.compile(_WORD)


@dataclass(frozen=True)
class TagEvent:
    """What one tag states. Events are ordered by ``when``: the second, then GTO's counter.

    ``tag`` is what git holds; None of an event that is yet to come.
    """

    artifact: str
    action: Action
    version: str | None
    stage: str | None
    counter: int
    commit: str
    time: int
    at: str
    by: str
    subject: str
    trailers: Mapping[str, str]
    tag: Tag | None = None

    @property
    def name(self) -> str:
        """The tag's name; "" of an event that is yet to come."""
        return self.tag.name if self.tag else ""

    @property
    def when(self) -> tuple[int, int]:
        return self.time, self.counter

    @property
    def why(self) -> str:
        """The stated reason; for a tag made by hand, its subject."""
        return self.trailers.get("Because", "" if self.trailers else self.subject)

    def digest(self, key: str) -> str | None:
        """A well-formed digest from the message, None if there is none."""
        value = self.trailers.get(key, "")
        return value if _DIGEST.fullmatch(value) else None


def parse_tag(tag: Tag) -> TagEvent | None:
    """The event that a tag represents; None for a tag that is not GTO's."""
    match = _FORM.fullmatch(tag.name)
    if match is None:
        return None
    off = match["cancel"] == "!"
    action: Action
    if match["deprecated"]:
        action = "deprecate"
    elif match["version"]:
        action = "deregister" if off else "register"
    else:
        action = "unassign" if off else "assign"
    trailers = read_trailers(tag.body)
    return TagEvent(
        artifact=match["artifact"].replace("=", ":"),
        action=action,
        version=match["version"],
        stage=match["stage"],
        counter=int(match["counter"] or 0),
        commit=tag.commit,
        time=tag.time,
        at=tag.at,
        by=trailers.get("By", tag.by),
        subject=tag.subject,
        trailers=trailers,
        tag=tag,
    )


def artifact_of(name: str) -> str | None:
    """The artifact that a tag of this name is of, as in the tag; None if it is not GTO's."""
    match = _FORM.fullmatch(name)
    return None if match is None else match["artifact"]


def parse_tags(tags: Iterable[Tag], artifact: str) -> tuple[TagEvent, ...]:
    """Every event of one artifact, oldest first."""
    events = (parse_tag(tag) for tag in tags)
    mine = (each for each in events if each is not None and each.artifact == artifact)
    return tuple(sorted(mine, key=lambda each: each.when))


def read_trailers(body: str) -> dict[str, str]:
    """``Key: value`` lines at the end of a tag's message."""
    trailers: dict[str, str] = {}
    for line in reversed(body.rstrip().splitlines()):
        match = _TRAILER.fullmatch(line.rstrip())
        if match is None:
            break
        trailers.setdefault(match["key"], match["value"])
    return trailers


def write_message(subject: str, trailers: Mapping[str, str | None]) -> str:
    """A tag's message. Values are folded to one line, so none can forge another trailer."""
    lines = [
        f"{key}: {' '.join(value.split())}"
        for key, value in trailers.items()
        if value is not None and value.strip()
    ]
    return "\n".join([subject, "", *lines]) + "\n"


def resolve_stage(stage: str | None, usual: str) -> str:
    """The requested stage, or the default if none was requested.

    Raises
    ------
    UsageError
        GTO does not accept it as the name of a stage.
    """
    name = usual if stage is None else stage
    if _STAGE.fullmatch(name) is None:
        raise UsageError(
            "no name for a stage",
            where="--stage",
            expected="letters, digits, - and _, a letter or digit at both ends",
            found=repr(name),
        )
    return name


def version_sort_key(version: str) -> tuple[int, int, int, bool, str]:
    """Sort key of a version such as ``v0.10.2``; a pre-release comes before its release."""
    core, _, pre = version.removeprefix("v").partition("+")[0].partition("-")
    major, minor, patch = (int(part) for part in core.split("."))
    return major, minor, patch, not pre, pre


def next_version(known: Iterable[str], bump: Bump) -> str:
    """The next version number after all that were ever registered; ``v0.1.0`` is the first."""
    numbers = [version_sort_key(version)[:3] for version in known]
    if not numbers:
        return "v0.1.0"
    major, minor, patch = max(numbers)
    return {
        "major": f"v{major + 1}.0.0",
        "minor": f"v{major}.{minor + 1}.0",
        "patch": f"v{major}.{minor}.{patch + 1}",
    }[bump]
