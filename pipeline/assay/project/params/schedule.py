"""The schedule that ``assay deploy`` writes: when, where, as whom, and with which image."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from assay.project.params.values import Positive, Section, Text

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_PASSWORD = re.compile(r"//[^/@\s]*:[^/@\s]*@")


def has_control_characters(text: str) -> bool:
    """Whether a text has line breaks or other control characters, which no schedule can hold."""
    return _CONTROL.search(text) is not None


def _one_line(text: str) -> str:
    if has_control_characters(text):
        raise ValueError(f"one line without control characters|{text!r}")
    return text


def _absolute(text: str) -> str:
    if not text.startswith("/") or "/../" in f"{text}/" or "\\" in text or not text.strip("/"):
        raise ValueError(f"an absolute path without '..' and backslashes|{text}")
    return text.rstrip("/")


def _public(text: str) -> str:
    if text.startswith("-") or _PASSWORD.search(text):
        raise ValueError(
            "the address of a git repository without a password"
            f"|{_PASSWORD.sub('//***:***@', text)}"
        )
    return text


Line = Annotated[Text, AfterValidator(_one_line)]
Folder = Annotated[Line, AfterValidator(_absolute)]
Repository = Annotated[Line, AfterValidator(_public)]
User = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,30}$")]
Branch = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Image = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Arn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+$")]
Bucket = Annotated[str, Field(pattern=r"^s3://[A-Za-z0-9][A-Za-z0-9._/-]*$")]


class Databricks(Section):
    """The cluster that each night's job makes for itself."""

    runtime: Word = "17.3.x-scala2.13"
    node_type: Word = "m5d.large"
    workers: Positive = 2


class Emr(Section):
    """An account's names; ``files`` holds the entry point and logs, ``release`` has Spark 4."""

    application: Annotated[str, Field(pattern=r"^[0-9a-z]{1,64}$")]
    role: Arn
    scheduler_role: Arn
    files: Bucket
    release: Word


class ScheduleParams(Section):
    """``at`` is in UTC. The time limit is one attempt's; ``retries`` come after failures only."""

    at: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "05:17"
    time_limit_minutes: Annotated[int, Field(ge=1, le=1440)] = 240
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    folder: Folder | None = None
    user: User = "assay"
    repository: Repository | None = None
    branch: Branch = "main"
    image: Image | None = None
    databricks: Databricks = Databricks()
    emr: Emr | None = None

    @property
    def hour(self) -> int:
        return int(self.at[:2])

    @property
    def minute(self) -> int:
        return int(self.at[3:])
