"""Writes a compiled model as C: one header, and one file of data and a loop over it.

It is C99 with its standard library, allocates nothing, and has no state, so that any number of
threads may score.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from assay.compiled import kernels_single
from assay.compiled.array_types import Array
from assay.compiled.post_transform import Isotonic, PostTransform, Sigmoid
from assay.compiled.scorer import CompiledModel
from assay.contract.definition import Contract
from assay.edge.flat import Flat, flatten
from assay.edge.rules import DeviceRule, DeviceRules, RuleKind
from assay.model.manifest import Manifest
from assay.model.prediction import SUM_TOLERANCE
from assay.project.text import escape_controls

_PARTS = Path(__file__).with_name("parts")
_WIDTH = 100
_CALIBRATIONS = (type(None), Sigmoid, Isotonic)
"""In the order of ``parts/begin.c``."""


@dataclass(frozen=True)
class Export:
    """A model and what its file says of it.

    Attributes
    ----------
    version, bundle
        The version's name, and the digest of its bundle.
    """

    version: str
    bundle: str
    manifest: Manifest
    contract: Contract
    rules: DeviceRules
    model: CompiledModel

    @property
    def name(self) -> str:
        """The model's name as C and file systems take it, such as ``late_flights``."""
        return identifier(self.manifest.name)

    @property
    def scores(self) -> int:
        """The number of scores of a row."""
        return max(self.model.finish.classes, 1)


def identifier(text: str) -> str:
    """What names in C may begin with for ``text``: letters, digits and underscores."""
    plain = re.sub(r"\W", "_", text, flags=re.ASCII)
    return plain if plain[:1].isalpha() else f"m{plain}"


def write_c(export: Export) -> Mapping[str, str]:
    """The text of each file, by its name: the header and the source."""
    name = export.name
    header = [*_comment(export), *_guard(export), *_names(export), part("model.h", name)]
    first = [f"/* See {name}.h. */", f'#include "{name}.h"', ""]
    source = [*first, *_data(export), part("loop.c", name)]
    return {f"{name}.h": "\n".join(header), f"{name}.c": "\n".join(source)}


def write_check(export: Export) -> str:
    """The program that reads rows and writes what the export makes of them."""
    return part("check.c", export.name).replace("model.h", f"{export.name}.h")


def part(file: str, name: str) -> str:
    """A part that is the same for all models, with the model's own name in it."""
    text = (_PARTS / file).read_text(encoding="utf-8")
    return re.sub(r"\bmodel_", f"{name}_", text).replace("MODEL_", f"{name.upper()}_")


def _comment(export: Export) -> Iterator[str]:
    manifest = export.manifest
    texts = {
        "regression": f"scores[0] is the predicted {manifest.label}",
        "binary": f"scores[0] is the probability of {manifest.label}; "
        f"from {manifest.threshold:.17g} on it is predicted",
        "multiclass": f"scores are the probabilities of each {manifest.label}",
    }[manifest.task]
    lines = [
        f"{manifest.name} {export.version}, written by assay export-model. Do not edit.",
        "",
        f"bundle:   {export.bundle}",
        f"contract: {manifest.contract_digest}",
        texts,
    ]
    if export.rules.left_out:
        lines += ["", "Checks of the contract that are not made here:"]
        lines += [f"  {name}" for name in export.rules.left_out]
    yield "/*"
    for line in lines:
        for piece in textwrap.wrap(_in_comment(line), _WIDTH - 3, subsequent_indent="    ") or [""]:
            yield f" * {piece}".rstrip()
    yield " */"


def _in_comment(text: str) -> str:
    """A text on one line that neither ends a comment nor begins another, nor is a trigraph."""
    return re.sub(r"(?<=[*/?])(?=[*/?])", " ", escape_controls(text))


def _guard(export: Export) -> list[str]:
    name = export.name.upper()
    return [
        f"#ifndef {name}_H",
        f"#define {name}_H",
        "",
        f"#define {name}_VERSION {literal(export.version)}",
        f"#define {name}_BUNDLE {literal(export.bundle)}",
        f"#define {name}_THRESHOLD {_number(export.manifest.threshold)}",
        "",
    ]


def _names(export: Export) -> Iterator[str]:
    """The places of features in a row, by their names."""
    inputs, model, own = export.model.inputs, export.model, export.name.upper()
    for title, prefix, names in (
        ("numbers", "NUMBER", inputs.numeric),
        ("texts", "TEXT", inputs.categorical),
    ):
        yield f"/* The places of row.{title}. */"
        yield "enum {"
        for place, (name, constant) in enumerate(zip(names, _distinct(names), strict=True)):
            field = export.contract.field(name)
            about = f"{field.kind}, may be missing" if field.nullable else field.kind
            shown = "" if constant.lower() == name.lower() else f"{name}: "
            yield f"    {own}_{prefix}_{constant} = {place}, /* {_in_comment(shown + about)} */"
        yield f"    {own}_{title.upper()} = {len(names)}"
        yield "};"
    yield f"enum {{ {own}_SCORES = {export.scores}, {own}_OUTPUTS = {model.body.outputs} }};"
    yield ""


def _distinct(names: Sequence[str]) -> Iterator[str]:
    """An identifier for each name, with its number where two would be the same."""
    taken: set[str] = set()
    for place, name in enumerate(names):
        plain = re.sub(r"\W", "_", name, flags=re.ASCII).upper()
        if plain in taken:
            plain = f"{plain}_{place}"
        taken.add(plain)
        yield plain


def _data(export: Export) -> Iterator[str]:
    """All that differs between two models: types, sizes and tables."""
    own, finish, flat = export.name, export.model.finish, flatten(export.model)
    trees, weights = flat.trees, flat.weights
    children = np.abs(np.concatenate([trees.left, trees.right])).max(initial=0)
    types = {
        "rank": "uint8_t" if trees.top <= 0xFF else "uint16_t",
        "column": "uint16_t" if trees.columns < 0xFFFF else "int32_t",
        "child": "int16_t" if children < 0x7FFF else "int32_t",
    }
    named = "\n".join(f"typedef {kind} {own}_{name};" for name, kind in types.items())
    yield part("begin.c", own).replace(f"{own.upper()}_TYPES", named)
    sizes = {
        "RULES": len(export.rules.held),
        "TERMS": len(trees.ranks.place) + len(weights.place),
        "LOOK_UPS": len(trees.look_ups.place) + len(weights.state_place),
        "TREES": trees.trees,
        "COLUMNS": max(trees.columns, 1),
        "WIDTH": trees.values.shape[1],
        "TOP": trees.top,
        "LINEAR": int(len(weights.intercept) > 0),
        "SINGLE_INPUT": trees.ranks.single,
        "SINGLE_SUMS": int(trees.single),
        "SINGLE_LINK": int(finish.single),
        "LINK": f"LINK_{finish.link.upper()}",
        "DIVISOR": finish.divisor,
        "CALIBRATED": int(finish.calibrators is not None),
        "PROBABILITY": int(finish.task != "regression"),
        "SUM_TOLERANCE": _number(SUM_TOLERANCE),
    }
    yield from (f"#define {own.upper()}_{name} {value}" for name, value in sizes.items())
    yield from ("", *_rules(export), *_inputs(export.model))
    for name, values in (_body(flat) | _calibration(finish, export.scores)).items():
        yield from table(name, values)
    yield from table("look_up", trees.look_ups.table, f"{own}_rank")
    parts = (trees.column, trees.mask, trees.limit, trees.left, trees.right)
    nodes = zip(*(each.tolist() for each in parts), strict=True)
    rows = ("{" + ",".join(map(str, node)) + "}" for node in nodes)
    yield from array(f"static const {own}_node", "node", rows, "{0, 0, 0, 0, 0}")


def _rules(export: Export) -> Iterator[str]:
    kinds = {kind: f"RULE_{kind.replace(' ', '_').upper()}" for kind in get_args(RuleKind)}
    rows, numbers, texts = [], list[float](), list[str]()

    def listed(rule: DeviceRule) -> tuple[int, int]:
        if rule.kind.startswith("text"):
            texts.extend(rule.texts)
            return len(texts) - len(rule.texts), len(texts)
        numbers.extend(rule.numbers)
        return len(numbers) - len(rule.numbers), len(numbers)

    for rule in export.rules.held:
        first, last = listed(rule)
        rows.append(
            f"{{{kinds[rule.kind]}, {rule.place}, {int(rule.open_low)}, {int(rule.open_high)}, "
            f"{_number(rule.low)}, {_number(rule.high)}, {first}, {last}}}"
        )
    empty = "{0, 0, 0, 0, 0.0, 0.0, 0, 0}"
    yield from array(f"static const {export.name}_rule", "rule", rows, empty)
    yield from table("rule_numbers", np.array(numbers, np.float64))
    yield from array("static const char *const", "rule_texts", map(literal, texts), '""')
    names = ["", *(rule.name for rule in export.rules.held)]
    yield from array("const char *const", f"{export.name}_rules", map(literal, names), '""')
    classes = map(literal, export.manifest.classes)
    yield from array("const char *const", f"{export.name}_classes", classes, '""')


def _inputs(model: CompiledModel) -> Iterator[str]:
    inputs = model.inputs
    texts, states = [], list[int]()
    for place, names in enumerate(inputs.categories):
        known_states = inputs.states_of(place).tolist()
        # As strcmp compares: by bytes.
        order = sorted(range(len(names)), key=lambda at: names[at].encode())
        texts += [names[at] for at in order]
        states += [known_states[at] for at in order] + known_states[-2:]
    starts = np.cumsum([0, *(len(names) for names in inputs.categories)])
    yield from array("static const char *const", "category", map(literal, texts), '""')
    tables = {
        "category_start": starts,
        "least": inputs.limits.low,
        "greatest": inputs.limits.high,
        "null_refused": inputs.limits.null,
        "state_refused": inputs.states.refused,
        "state_refused_start": inputs.states.refused_starts,
    }
    yield from table("state", np.array(states, np.int64), "uint16_t")
    for name, values in tables.items():
        yield from table(name, values)


def _body(flat: Flat) -> dict[str, Array]:
    """Trees or weights; the tables of the other are empty."""
    trees, weights = flat.trees, flat.weights
    ranks, look_ups = trees.ranks, trees.look_ups

    def either(name: str) -> Array:
        return np.concatenate([getattr(ranks, name), getattr(weights, name)])

    return {
        "base": flat.base,
        "place": either("place"),
        "scaled": either("scaled").astype(np.bool_),
        "fill": either("fill"),
        "mean": either("mean"),
        "scale": either("scale"),
        "threshold": ranks.thresholds,
        "threshold_start": ranks.starts,
        "nulls_low": ranks.low,
        "nulls_high": ranks.high,
        "look_up_place": np.concatenate([look_ups.place, weights.state_place]),
        "look_up_start": look_ups.starts if trees.trees else weights.starts,
        "look_up_null": look_ups.of_nulls.astype(np.bool_),
        "look_up_column": look_ups.column,
        "tree_start": trees.starts,
        "tree_output": trees.output,
        "leaf_start": trees.leaves,
        "leaf_value": trees.values.reshape(-1).astype(np.float64),
        "weight": weights.weights,
        "weight_known": weights.known,
        "weight_null": weights.null,
        "term_value": weights.tables,
        "intercept": weights.intercept,
    }


def _calibration(finish: PostTransform, scores: int) -> dict[str, Array]:
    each = finish.calibrators or [None] * scores
    lines = [(one.slope, one.intercept) if isinstance(one, Sigmoid) else (0.0, 0.0) for one in each]
    none = np.empty(0)
    knots, heights = (
        [getattr(one, name) if isinstance(one, Isotonic) else none for one in each]
        for name in ("knots", "heights")
    )
    return {
        "calibration": np.array([_CALIBRATIONS.index(type(one)) for one in each]),
        "knot_start": np.cumsum([0, *map(len, knots)]),
        "knot": np.concatenate(knots),
        "knot_height": np.concatenate(heights),
        "sigmoid_slope": np.array([slope for slope, _ in lines]),
        "sigmoid_intercept": np.array([intercept for _, intercept in lines]),
        "exp_scale": np.array([kernels_single.SCALE]),
        "exp_factor": np.array(
            [kernels_single.CUBIC, kernels_single.SQUARE, kernels_single.LINEAR]
        ),
        "exp_power": np.array(kernels_single.POWERS),
    }


def array(kind: str, name: str, items: Iterable[str], empty: str) -> Iterator[str]:
    """An array, of one empty item where there are none: C has no empty arrays."""
    lines = [""]
    for item in items:
        if lines[-1] and len(lines[-1]) + len(item) + 2 > _WIDTH - 4:
            lines.append("")
        lines[-1] += f"{item}, "
    yield f"{kind} {name}[] = {{"
    yield from (f"    {line.rstrip()}" for line in (lines if lines[0] else [empty]))
    yield "};"


def table(name: str, values: Array, kind: str = "") -> Iterator[str]:
    """The array of NumPy's values, by default of the type of C that holds theirs."""
    numbers = values.dtype.kind == "f"
    kind = kind or {"f": "double", "b": "uint8_t"}.get(values.dtype.kind, "int32_t")
    items = (_number(value) if numbers else str(int(value)) for value in values.tolist())
    return array(f"static const {kind}", name, items, "0")


def _number(value: float) -> str:
    """A number that C reads back to the bit."""
    if np.isnan(value):
        return "NAN"
    if np.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return f"{value:.1f}" if abs(value) <= 2**53 and value == int(value) else float(value).hex()


def literal(text: str) -> str:
    """A literal of the text's UTF-8 bytes."""
    plain = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{plain}"'
