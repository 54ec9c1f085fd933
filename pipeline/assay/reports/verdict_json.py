"""A verdict as JSON: the same verdict always gives the same bytes, and only those are read back.

The form is published as docs/schemas/verdict.schema.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date
from typing import Any, get_args

from assay.errors import PromotionRefused
from assay.project import jsonfile
from assay.reports.verdict import (
    STATES,
    Champion,
    Direction,
    Finding,
    Kind,
    ModelTests,
    Outcome,
    Severity,
    Verdict,
    Waiver,
    combine,
)

SCHEMA = 3

DIGESTS = ("bundle", "data", "contract", "policy", "code", "reports")
_TEXTS = ("name", "candidate", *DIGESTS)
_KEYS = frozenset({"schema", "outcome", "basis", *_TEXTS, "champion", "tests", "types", "findings"})
_FINDING_KEYS = frozenset(field.name for field in fields(Finding))
_FINDING_TEXTS = ("metric", "slice", "method", "unit", "owner", "because")
_FINDING_NUMBERS = (
    "observed",
    "low",
    "high",
    "limit",
    "champion",
    "challenger",
    "design_effect",
)
_FINDING_COUNTS = ("rows", "units", "units_needed")


def dumps(verdict: Verdict) -> str:
    """The content of verdict.json: keys in one order, no time, a newline at the end."""
    texts = {name: getattr(verdict, name) for name in _TEXTS}
    return jsonfile.dumps(
        {
            "schema": SCHEMA,
            "outcome": verdict.outcome.value,
            "basis": verdict.champion.words,
            **texts,
            "champion": asdict(verdict.champion),
            "tests": None if verdict.tests is None else asdict(verdict.tests),
            "types": list(verdict.types),
            "findings": [finding_to_plain(finding) for finding in verdict.findings],
        }
    )


def loads(text: str, where: str) -> Verdict:
    """The verdict in ``text``; ``where`` is what the error calls the file.

    Raises
    ------
    PromotionRefused
        The text is no verdict, or contradicts itself.
    """
    try:
        return _read(
            json.loads(text, object_pairs_hook=jsonfile.once, parse_constant=jsonfile.no_constant)
        )
    except (ValueError, RecursionError) as error:
        raise PromotionRefused(
            f"not a verdict: {error}", where=where, mend="Run the gate again: dvc repro gate."
        ) from None


def finding_to_plain(finding: Finding) -> dict[str, Any]:
    """The finding as JSON values, in the order of its fields."""
    return {**asdict(finding), "outcome": finding.outcome.value}


def finding_from_plain(node: Any, key: str) -> Finding:
    """The way back; ``key`` is what the error calls the place.

    Raises
    ------
    ValueError
        A key is missing, unknown or of the wrong kind.
    """
    _only(node, _FINDING_KEYS, key)
    for name in ("rule", "detail"):
        _text(node[name], f"{key}.{name}")
    for name in _FINDING_TEXTS:
        if node[name] is not None:
            _text(node[name], f"{key}.{name}")
    for name, allowed in (("kind", get_args(Kind)), ("severity", get_args(Severity))):
        if node[name] not in allowed:
            raise ValueError(f"{key}.{name} is {node[name]!r}")
    if node["direction"] not in (*get_args(Direction), None):
        raise ValueError(f"{key}.direction is {node['direction']!r}")
    if not isinstance(node["tolerated"], bool):
        raise ValueError(f"{key}.tolerated is {node['tolerated']!r}")
    for name in _FINDING_COUNTS:
        if not _is_count(node[name]):
            raise ValueError(f"{key}.{name} is {node[name]!r}")
    numbers = {name: _number(node[name], f"{key}.{name}") for name in _FINDING_NUMBERS}
    waiver = None if node["waiver"] is None else _waiver(node["waiver"], f"{key}.waiver")
    outcome = _outcome(node["outcome"], f"{key}.outcome")
    return Finding(**{**node, **numbers, "outcome": outcome, "waiver": waiver})


def _read(node: Any) -> Verdict:
    _only(node, _KEYS, "the file")
    if node["schema"] != SCHEMA:
        raise ValueError(f"schema is {node['schema']!r}, not {SCHEMA}")
    given = [name for name in _TEXTS if name != "reports" or node[name] is not None]
    for name in given:
        _text(node[name], name)
    for name in DIGESTS:
        if name in given:
            _digest(node[name], name)
    for name in ("types", "findings"):
        if not isinstance(node[name], list):
            raise ValueError(f"{name} is no list")
    verdict = Verdict(
        outcome=_outcome(node["outcome"], "outcome"),
        champion=_champion(node["champion"]),
        findings=tuple(
            finding_from_plain(finding, f"findings[{index}]")
            for index, finding in enumerate(node["findings"])
        ),
        tests=None if node["tests"] is None else _tests(node["tests"]),
        types=tuple(_text(name, f"types[{index}]") for index, name in enumerate(node["types"])),
        **{name: node[name] for name in _TEXTS},
    )
    if verdict.champion.words != node["basis"]:
        raise ValueError("basis and champion contradict each other")
    if combine(verdict.findings) is not verdict.outcome:
        raise ValueError(
            f"outcome is {verdict.outcome}, but its findings come to {combine(verdict.findings)}"
        )
    return verdict


def _champion(node: Any) -> Champion:
    _only(node, frozenset({"state", "version", "bundle"}), "champion")
    state, version, bundle = node["state"], node["version"], node["bundle"]
    if not isinstance(state, str) or state not in STATES:
        raise ValueError(f"champion.state is {state!r}, not one of {', '.join(STATES)}")
    if version is not None:
        _text(version, "champion.version")
    if bundle is not None:
        _digest(_text(bundle, "champion.bundle"), "champion.bundle")
    known = version is not None and bundle is not None
    if (state == "none" and (version or bundle)) or (state == "compared" and not known):
        raise ValueError(f"champion is {state}, with version {version} and bundle {bundle}")
    return Champion(state, version, bundle)


def _tests(node: Any) -> ModelTests:
    _only(node, frozenset({"collected", "ran", "champion"}), "tests")
    for name, value in node.items():
        if (value is None and name != "champion") or not _is_count(value):
            raise ValueError(f"tests.{name} is {value!r}, not a count")
    if node["ran"] > node["collected"]:
        raise ValueError("more tests ran than were collected")
    return ModelTests(**node)


def _is_count(value: Any) -> bool:
    """Whether it is a whole number from 0 on, or null."""
    return value is None or (type(value) is int and value >= 0)


def _waiver(node: Any, key: str) -> Waiver:
    _only(node, frozenset({"because", "owner", "until"}), key)
    waiver = Waiver(**{name: _text(node[name], f"{key}.{name}") for name in node})
    date.fromisoformat(waiver.until)  # a ValueError that shows the text
    return waiver


def _only(node: Any, keys: frozenset[str], key: str) -> None:
    if not isinstance(node, Mapping):
        raise ValueError(f"{key} is no mapping")
    missing, unknown = sorted(keys - node.keys()), sorted(node.keys() - keys)
    if missing:
        raise ValueError(f"{key} lacks {', '.join(missing)}")
    if unknown:
        raise ValueError(f"{key} has unknown {', '.join(unknown)}")


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key} is {value!r}, not a text")
    return value


def _digest(value: str, key: str) -> None:
    if not value.startswith("sha256:"):
        raise ValueError(f"{key} is {value!r}, not a digest")


def _number(value: Any, key: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} is {value!r}, not a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{key} is too large") from None


def _outcome(value: Any, key: str) -> Outcome:
    try:
        return Outcome(value)
    except ValueError:
        raise ValueError(f"{key} is {value!r}") from None
