"""What many commands of one process need to work out only once: pure functions, remembered.

A command of its own process parses dvc.lock about ten times and reads Assay's own source once. In
a life of many commands in one process, that is most of what a check costs.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any

import pytest
from dvc.utils import strictyaml
from ruamel.yaml import YAML

from assay.cli import __main__
from assay.cli import __main__ as command_line
from assay.project import digests
from assay.project.params import yaml_text

PARSED = 200
"""Texts of YAML files to remember; a project has about eight, which change seldom."""


@contextmanager
def files() -> Iterator[None]:
    """Parse each text of a YAML file once, and let DVC hold it against a schema once.

    In all tests: a copy of a project has the files that it was made with.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_text, "check_limits", _check_limits)
        patch.setattr(yaml_text, "load", lambda text: pickle.loads(_loaded(text)))
        patch.setattr(YAML, "load", _load)
        patch.setattr(strictyaml, "validate", _validate)
        yield


@contextmanager
def results() -> Iterator[None]:
    """Let commands share their parser and Assay's own digests too."""
    with pytest.MonkeyPatch.context() as patch, files():
        patch.setattr(command_line, "build_parser", _build_parser)
        patch.setattr(digests, "stage_digests", _stage_digests)
        yield


_build_parser = cache(__main__.build_parser)
_check_limits = lru_cache(PARSED)(yaml_text.check_limits)
_real_text: Callable[[str], Any] = yaml_text.load
_digests = cache(digests.stage_digests)
_real_load: Callable[..., Any] = YAML.load
_real_validate: Callable[..., Any] = strictyaml.validate
_valid: set[tuple[int, str]] = set()
"""A schema, which lives as long as DVC, and a text that meets it."""


def _stage_digests() -> dict[str, str]:
    return dict(_digests())


def _load(yaml: YAML, stream: Any) -> Any:
    """What a text says, each time as new objects, since callers edit them."""
    if not isinstance(stream, str) or not yaml.Parser.__module__.startswith("ruamel."):
        return _real_load(yaml, stream)
    return pickle.loads(_parsed(tuple(yaml.typ), yaml.pure, stream))


@lru_cache(PARSED)
def _loaded(text: str) -> bytes:
    return pickle.dumps(_real_text(text))


@lru_cache(PARSED)
def _parsed(kinds: tuple[str, ...], pure: bool, text: str) -> bytes:
    return pickle.dumps(_real_load(YAML(typ=list(kinds), pure=pure), text))


def _validate(data: Any, schema: Any, text: str | None = None, *given: Any, **more: Any) -> Any:
    """What `strictyaml.load` asks, which looks only at whether there is an answer."""
    if text is None:
        return _real_validate(data, schema, text, *given, **more)
    if (id(schema), text) not in _valid:
        _real_validate(data, schema, text, *given, **more)
        _valid.add((id(schema), text))
    return data
