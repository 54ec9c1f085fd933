"""The gate's answer on one bundle, and how the findings behind it combine.

A verdict names the digests of all it was about, so that promotion can tell whether it
still is. It is written as JSON of which the same inputs always give the same bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import Enum
from typing import Any, Literal, NoReturn

from pipeline.errors import PromotionRefused

SCHEMA = 1

Kind = Literal["rule", "test"]
Direction = Literal["min", "max"]


class Outcome(Enum):
    """What a finding, or a whole verdict, comes to."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One rule in one place, or one model test.

    Parameters
    ----------
    rule
        The rule's name, or the test's node id.
    slice
        ``field=value``, or None for all rows.
    observed, low, high
        The metric and its interval; None where there is none. Never NaN or infinite.
    detail
        One sentence a person can act on.
    """

    rule: str
    kind: Kind
    outcome: Outcome
    detail: str
    metric: str | None = None
    slice: str | None = None
    observed: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    direction: Direction | None = None
    rows: int | None = None
    owner: str | None = None
    because: str | None = None

    def __post_init__(self) -> None:
        for name in ("observed", "low", "high", "limit"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} is {value}; a finding holds finite numbers or None")

    @property
    def title(self) -> str:
        """The rule and, in brackets, its slice."""
        return f"{self.rule}[{self.slice}]" if self.slice else self.rule


def combine(findings: Iterable[Finding]) -> Outcome:
    """The outcome of all findings together.

    None at all is FAIL, so is any FAIL; any INCONCLUSIVE makes the rest INCONCLUSIVE.
    """
    outcomes = {finding.outcome for finding in findings}
    if not outcomes or Outcome.FAIL in outcomes:
        return Outcome.FAIL
    if Outcome.INCONCLUSIVE in outcomes:
        return Outcome.INCONCLUSIVE
    return Outcome.PASS


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome, what it is bound to and what it rests on.

    Parameters
    ----------
    bundle, data, contract, policy
        Digests, ``sha256:<hex>``.
    champion
        Bundle digest of the version it was compared with; None when there is none yet.
    types
        Types in the model file beyond the loader's own list that params.yaml allowed.
    """

    outcome: Outcome
    name: str
    candidate: str
    bundle: str
    data: str
    contract: str
    policy: str
    champion: str | None
    findings: tuple[Finding, ...]
    types: tuple[str, ...] = ()

    @property
    def basis(self) -> str:
        """What the bundle was held against, in words."""
        if self.champion is None:
            return "no champion yet; absolute rules only"
        return f"champion {self.champion}"

    def to_json(self) -> str:
        """The content of verdict.json: keys in one order, no time, a newline at the end."""
        whole = {
            "schema": SCHEMA,
            "outcome": self.outcome.value,
            "basis": self.basis,
            **{name: getattr(self, name) for name in _TEXTS},
            "champion": self.champion,
            "types": list(self.types),
            "findings": [finding_to_plain(finding) for finding in self.findings],
        }
        return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str) -> Verdict:
        """The verdict in ``text``; ``where`` is what the error calls the file.

        Raises
        ------
        PromotionRefused
            The text is no verdict, or contradicts itself.
        """
        try:
            return _read(json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant))
        except (ValueError, RecursionError) as error:
            raise PromotionRefused(
                f"not a verdict: {error}", where=where, mend="Run the gate again: dvc repro gate."
            ) from None


_TEXTS = ("name", "candidate", "bundle", "data", "contract", "policy")
_DIGESTS = ("bundle", "data", "contract", "policy")
_KEYS = frozenset({"schema", "outcome", "basis", *_TEXTS, "champion", "types", "findings"})
_FINDING_KEYS = frozenset(field.name for field in fields(Finding))
_FINDING_TEXTS = ("metric", "slice", "owner", "because")
_FINDING_NUMBERS = ("observed", "low", "high", "limit")


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
    numbers = {name: _number(node[name], f"{key}.{name}") for name in _FINDING_NUMBERS}
    if node["kind"] not in ("rule", "test"):
        raise ValueError(f"{key}.kind is {node['kind']!r}")
    if node["direction"] not in ("min", "max", None):
        raise ValueError(f"{key}.direction is {node['direction']!r}")
    rows = node["rows"]
    if rows is not None and (type(rows) is not int or rows < 0):
        raise ValueError(f"{key}.rows is {rows!r}")
    return Finding(**{**node, **numbers, "outcome": _outcome(node["outcome"], f"{key}.outcome")})


def _read(node: Any) -> Verdict:
    _only(node, _KEYS, "the file")
    if node["schema"] != SCHEMA:
        raise ValueError(f"schema is {node['schema']!r}, not {SCHEMA}")
    for name in _TEXTS:
        _text(node[name], name)
    for name in _DIGESTS:
        _digest(node[name], name)
    if node["champion"] is not None:
        _digest(_text(node["champion"], "champion"), "champion")
    for name in ("types", "findings"):
        if not isinstance(node[name], list):
            raise ValueError(f"{name} is no list")
    verdict = Verdict(
        outcome=_outcome(node["outcome"], "outcome"),
        champion=node["champion"],
        findings=tuple(
            finding_from_plain(finding, f"findings[{index}]")
            for index, finding in enumerate(node["findings"])
        ),
        types=tuple(_text(name, f"types[{index}]") for index, name in enumerate(node["types"])),
        **{name: node[name] for name in _TEXTS},
    )
    if verdict.basis != node["basis"]:
        raise ValueError("basis and champion contradict each other")
    if combine(verdict.findings) is not verdict.outcome:
        raise ValueError(
            f"outcome is {verdict.outcome}, but its findings come to {combine(verdict.findings)}"
        )
    return verdict


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


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError("a key is there twice")
    return tree


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
