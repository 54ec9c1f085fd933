"""The bundle's model card: what a person should know before using the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assay.model.manifest import Manifest
from assay.model.reasons import compared_with
from assay.project.tasks import METRICS
from assay.project.text import counted, escape_code, escape_line, format_fixed

UNLEARNT = (
    "its fit does not learn from the rows that it gets, so no score of the training window is out "
    "of fold: it is not calibrated, and is selected only if it is the only candidate"
)


def render_card(manifest: Manifest) -> str:
    """The card as Markdown; the same manifest gives the same text."""
    scores = "\n".join(
        f"| {name} | {format_fixed(manifest.out_of_fold.get(name), 4, 'undefined')} |"
        for name in METRICS[manifest.task]
    )
    versions = ", ".join(f"{name} {value}" for name, value in sorted(manifest.versions.items()))
    arguments = _settings(manifest.args)
    return f"""# {escape_line(manifest.name)}: candidate {escape_line(manifest.candidate)}

{_answer(manifest)}

- Estimator: `{escape_code(f"{manifest.estimator}({arguments})")}`, features encoded
  {manifest.encoding}
{_chosen(manifest)}{_decision(manifest)}
- Trained on {escape_line(manifest.window)}: {_rows(manifest)}
- Scored by {_scorer(manifest)}
- Reasons of scores: {_reasons(manifest)}
{_losses(manifest)}{_vocabularies(manifest)}\
- Features: {escape_line(", ".join(manifest.features))}
- Row key: {escape_line(", ".join(manifest.keys))}; time: {escape_line(manifest.time)}; \
slices: {escape_line(", ".join(manifest.slices)) or "none"}
- Made with {versions}

Out-of-fold metrics on the training window (what candidates are selected by; the gate looks
at the holdout instead):

| metric | value |
|---|---|
{scores}
{_unlearnt(manifest)}"""


def _unlearnt(manifest: Manifest) -> str:
    known = any(value is not None for value in manifest.out_of_fold.values())
    return "" if known else f"\nNone is known: {UNLEARNT}.\n"


def _settings(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in sorted(values.items()))


def _chosen(manifest: Manifest) -> str:
    if not manifest.chosen:
        return ""
    return f"- Chosen by its search: `{escape_code(_settings(manifest.chosen))}`\n"


def _answer(manifest: Manifest) -> str:
    if manifest.task == "binary":
        return f"Gives the probability that `{escape_code(manifest.label)}` is true for one row."
    if manifest.task == "multiclass":
        return (
            f"Gives the probability of each value of `{escape_code(manifest.label)}` for one row: "
            f"{escape_line(', '.join(manifest.classes))}."
        )
    return f"Estimates the number `{escape_code(manifest.label)}` for one row."


def _decision(manifest: Manifest) -> str:
    if manifest.task == "regression":
        return "- Calibration: none, for an estimate is no probability"
    ways = {
        "binary": f"true from a probability of {manifest.threshold}",
        "multiclass": "the class with the highest probability",
    }
    each = ", each class against the rest" if manifest.task == "multiclass" else ""
    return (
        f"- Calibration: {describe_calibration(manifest)}, fitted on out-of-fold scores{each}\n"
        f"- Decision: {ways[manifest.task]}"
    )


def describe_calibration(manifest: Manifest) -> str:
    """The calibration, with the losses that it was chosen by, if any."""
    if not manifest.calibration_losses:
        return manifest.calibration
    losses = ", ".join(
        f"{method} {loss:.5f}" for method, loss in manifest.calibration_losses.items()
    )
    return f"{manifest.calibration}, chosen by cross-fitted log loss ({losses})"


def describe_vocabularies(manifest: Manifest) -> Iterator[str]:
    """A sentence for each feature with categories that the model is not told apart."""
    for name, sizes in sorted(manifest.vocabularies.items()):
        yield (
            f"{name} has {counted(sizes['found'], 'category', 'categories')}: the "
            f"{sizes['kept']:,} most frequent are told apart, the rest count as one"
        )


def _vocabularies(manifest: Manifest) -> str:
    return "".join(f"- {escape_line(line)}\n" for line in describe_vocabularies(manifest))


def _losses(manifest: Manifest) -> str:
    return "".join(
        f"- Its model of {name} is scored by scikit-learn itself: {escape_line(why)}\n"
        for name, why in sorted(manifest.losses_uncompiled.items())
    )


def _rows(manifest: Manifest) -> str:
    text = counted(manifest.rows, "row")
    if manifest.positives is not None:
        text += f", {manifest.positives / manifest.rows:.1%} of them true"
    if manifest.weight:
        text += f", weighted by {escape_line(manifest.weight)}; in all metrics they count alike"
    return text


def _reasons(manifest: Manifest) -> str:
    if "against" in manifest.reasons:
        return f"exact, compared with {compared_with(manifest)}"
    why = escape_line(str(manifest.reasons.get("unknown")))
    return f"none, as they cannot be computed exactly: {why}"


def _scorer(manifest: Manifest) -> str:
    proof = manifest.compiled
    if not proof["used"]:
        return f"scikit-learn itself: {escape_line(str(proof['reason']))}"
    return (
        f"compiled arrays ({proof['kind']}): on {counted(proof['rows'], 'row')} at most "
        f"{proof['max_difference']:.3g} from the estimator (allowed: {proof['tolerance']:g})"
    )
