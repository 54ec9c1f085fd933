"""The image for AWS Lambda that docs/serve.md describes, run as Lambda runs it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from assay.project import layout, params
from assay.store import open_store
from tests import s3, scored
from tests.image.conftest import BASE
from tests.image.machine import ROOT, Machine
from tests.runtime_api import BUCKET, KEY, NIGHT, Runtime, landed, put

IMAGE = "assay:function"
ENOUGH, TOO_LITTLE = "512m", "128m"
"""The waiting function takes less than either; scoring takes more than the second."""
KILLED = 137


def containerfile() -> str:
    """That of the documentation, on the base that there is here."""
    text = (ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
    (found,) = re.findall(r"^```\n(FROM .*?)^```", text, re.MULTILINE | re.DOTALL)
    (base,) = re.findall(r"^ARG BASE=(\S+)$", (ROOT / "Containerfile").read_text(), re.MULTILINE)
    assert base in found
    return found.replace(base, BASE)


@pytest.fixture
def project(
    images: Machine, score: str, volume: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A project that scored a night inside; its input and store are in a bucket from then on."""
    done = images.run("assay:score", "score", "--date", NIGHT, project=volume)
    assert done.returncode == 0, done.stderr
    text = (volume / layout.PARAMS).read_text(encoding="utf-8")
    moved = text.replace("input: data/raw", f"input: s3://{BUCKET}/raw")
    (volume / layout.PARAMS).write_text(f"{moved}\nstore: s3://{BUCKET}/store\n", encoding="utf-8")
    images.build_on(volume, containerfile(), IMAGE)
    with s3.serving() as endpoint:
        s3.use(endpoint, BUCKET, monkeypatch)
        put(KEY, (volume / layout.RAW / KEY.removeprefix("raw/")).read_bytes())
        yield volume


def told(images: Machine, memory: str, events: int) -> tuple[list[dict[str, Any]], int | None]:
    """What a function answers, and its exit code if it ended before it had answered."""
    found: list[dict[str, Any]] = []
    known = {name: text for name, text in os.environ.items() if name.startswith("AWS_")}
    with closing(Runtime()) as runtime:
        environment = {**known, "AWS_LAMBDA_RUNTIME_API": runtime.place}
        with images.function(IMAGE, memory, environment) as process:
            while len(found) < events:
                runtime.events.put(landed())
                while runtime.answers.empty():
                    time.sleep(0.1)
                    if process.poll() is not None:
                        return found, process.returncode
                kind, (document,) = runtime.answers.get()
                assert kind == "response"
                found.append(document)
    return found, None


def test_an_event_scores_its_night_once_memory_suffices(images: Machine, project: Path) -> None:
    assert told(images, TOO_LITTLE, 1) == ([], KILLED)
    store = open_store(project, params.load(project))
    assert store.visible_run(NIGHT) is None
    (first, again), code = told(images, ENOUGH, 2)
    assert (first["outcome"], again["outcome"], code) == ("published", "skipped", None)
    assert [run.event for run in store.runs(NIGHT)].count("published") == 1
    inside = scored.rows(project, NIGHT)
    found = store.predictions(NIGHT).to_pandas()[list(inside.columns)]
    assert found.sort_values("parcel", ignore_index=True).equals(inside)
