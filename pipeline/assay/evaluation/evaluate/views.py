"""What the page shows of one task: its pictures, and where answers and truths part ways."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.evaluation.evaluate import plots, plots_multiclass
from assay.metrics.estimate import short
from assay.metrics.scored import Scored
from assay.pages import charts
from assay.pages import plots as pictures
from assay.project.tasks import Task

SHOWN_CLASSES = 20
"""Most classes of which the page has a confusion table."""

_SLICED = {
    "auc": "chance that a positive row is ranked above a negative one; a coin gets 0.5",
    "log_loss": "surprise at what happened, given the probabilities",
    "calibration_error": "mean distance of predicted from observed share, over ten bins",
    "accuracy": "share of rows predicted right",
}

MEANING: Mapping[Task, Mapping[str, str]] = {
    "binary": {
        **_SLICED,
        "average_precision": "mean precision over all thresholds; a coin gets the share of "
        "positives",
        "brier": "mean squared distance of the probability from 0 or 1",
        "precision": "share of predicted positives that are positive",
        "recall": "share of positives that are predicted positive",
        "f1": "harmonic mean of precision and recall",
    },
    "multiclass": {
        **_SLICED,
        "auc": "one class against the rest, mean over classes; a coin gets 0.5",
        "brier": "mean squared distance of all probabilities from 0 or 1, from 0 to 2",
        "calibration_error": "mean distance of the predicted class's probability from how often "
        "it is right, over ten bins",
        "balanced_accuracy": "mean over the classes that occur of the share predicted right",
        "macro_precision": "share of a class's predictions that are right, mean over classes",
        "macro_recall": "share of a class's rows that are predicted right, mean over classes",
        "macro_f1": "harmonic mean of precision and recall, mean over classes",
    },
    "regression": {
        "rmse": "root of the mean squared error; large errors weigh more",
        "mae": "mean size of an error",
        "p90_error": "nine in ten errors are no larger",
        "bias": "mean error, prediction less label: above 0 it predicts too much",
        "r2": "share of the label's variance that is explained; 0 for always saying the mean",
    },
}
"""A metric in words."""

CLASSIFIED = """
<h2>Probabilities</h2>
<div class="pictures">
<figure><figcaption>Calibration: can a probability be taken at its word?</figcaption>
{{ calibration | safe }}
<p class="quiet">Each dot is a tenth of the rows, more where many share one probability.
Above the dashed line more rows turned out
{{ keys[0] }} than predicted, below it fewer.</p></figure>
<figure><figcaption>Scores
<span class="key" style="background:{{ charts.ORANGE }}"></span>{{ keys[0] }}
<span class="key" style="background:{{ charts.PALE }}"></span>{{ keys[1] }}</figcaption>
{{ scores | safe }}
<p class="quiet">{{ note }}</p></figure>
</div>
{% if confusion %}<h3>Confusion{{ at }}, all {{ "{:,}".format(rows) }} rows</h3>
<div class="wide"><table style="width:auto">
<thead><tr><th></th>{% for name in names %}<th class="n">predicted {{ name }}</th>
{% endfor %}</tr></thead><tbody>
{% for title, row in confusion %}<tr><td>{{ title }}</td>{% for count in row %}
<td class="n">{{ "{:,}".format(count) }}</td>{% endfor %}</tr>{% endfor %}
</tbody></table></div>
{% else %}<p class="quiet">With {{ names | length }} classes a confusion table would fill the page:
confusion.csv has it.</p>{% endif %}
{% if classes %}<h3>Class by class, fewest right first</h3>
<div class="wide"><table style="width:auto"><thead><tr><th>Class</th><th class="n">Rows</th>
<th class="n">Predicted</th><th class="n">Precision</th><th class="n">Recall</th>
<th class="n">F1</th></tr></thead><tbody>
{% for one in classes %}<tr><td>{{ one["class"] }}</td>
<td class="n">{{ "{:,}".format(one["rows"]) }}</td>
<td class="n">{{ "{:,}".format(one["predicted"]) }}</td>
{% for name in ("precision", "recall", "f1") %}<td class="n">{{ number(one[name]) }}</td>
{% endfor %}</tr>{% endfor %}</tbody></table></div>{% endif %}
"""

ESTIMATED = """
<h2>Estimates</h2>
<div class="pictures">
<figure><figcaption>Predicted against actual</figcaption>
{{ actual | safe }}
<p class="quiet">Each dot is a tenth of the rows, more where many share one prediction; four in five
of their labels lie on the pale bar. Above the dashed line the truth was more than predicted, below
it less.</p></figure>
<figure><figcaption>Errors, prediction less {{ label }}</figcaption>
{{ errors | safe }}
<p class="quiet">The first and the last bar also hold what lies beyond them.</p></figure>
</div>
"""


def body(scored: Scored, label: str, tables: Mapping[str, pd.DataFrame]) -> str:
    """The middle of the page as HTML.

    Parameters
    ----------
    label
        The label's name.
    tables
        As `assay.evaluation.evaluate.plots.tables` makes them.
    """
    from jinja2 import Environment

    regression = scored.task == "regression"
    facts = _estimated(label, tables) if regression else _classified(scored, label, tables)
    template = ESTIMATED if regression else CLASSIFIED
    return Environment(autoescape=True).from_string(template).render(charts=charts, **facts)


def _classified(
    scored: Scored, label: str, tables: Mapping[str, pd.DataFrame]
) -> dict[str, object]:
    binary = scored.task == "binary"
    names, counts = plots.classes(scored, label), plots.confusion(scored)
    curve = tables[plots.CALIBRATION]
    seen = curve[["mean_predicted", "observed_share"]].to_numpy(dtype=np.float64)
    top = min(max(0.1, float(seen.max()) * 1.08), 1.0)
    stacked = ("negatives", "positives") if binary else ("wrong", "right")
    whose = "predicted" if binary else "predicted class's"
    return {
        "calibration": pictures.diagonal(
            curve,
            "mean_predicted",
            "observed_share",
            (f"mean {whose} probability", "observed share"),
            low=0.0,
            high=top,
        ),
        "scores": pictures.bars(
            tables[plots.SCORES],
            "probability",
            tuple(zip(stacked, (charts.PALE, charts.ORANGE), strict=True)),
            f"{whose} probability",
            low=0.0,
            high=1.0,
            mark=(scored.threshold, f"threshold {scored.threshold:g}") if binary else None,
        ),
        "keys": (label, f"not {label}") if binary else ("right", "wrong"),
        "note": f"Rows right of the line are predicted {label}."
        if binary
        else f"Each row is predicted to be of its likeliest {label}.",
        "at": f" at threshold {scored.threshold}" if binary else "",
        "rows": len(scored),
        "names": names,
        "confusion": _matrix(names, counts) if len(names) <= SHOWN_CLASSES else [],
        "classes": [] if binary else _by_class(names, counts),
        "number": lambda value: short(value) if np.isfinite(value) else "-",
    }


def _matrix(names: Sequence[str], counts: NDArray[Any]) -> list[tuple[str, list[int]]]:
    return list(zip(names, counts.tolist(), strict=True))


def _by_class(names: Sequence[str], counts: NDArray[Any]) -> list[dict[Hashable, Any]]:
    table = plots_multiclass.by_class(counts, names)
    return table.sort_values("recall", kind="stable").to_dict("records")


def _estimated(label: str, tables: Mapping[str, pd.DataFrame]) -> dict[str, object]:
    actual, errors = tables[plots.PREDICTED_ACTUAL], tables[plots.ERRORS]
    shown = actual[["predicted", "actual", "low", "high"]]
    values = shown.to_numpy(dtype=np.float64)
    low, high = charts.round_out(float(values.min()), float(values.max()))
    half = float(errors["error"].diff().iloc[1]) / 2
    return {
        "label": label,
        "actual": pictures.diagonal(
            actual,
            "predicted",
            "actual",
            (f"mean predicted {label}", f"mean {label}"),
            low=low,
            high=high,
        ),
        "errors": pictures.bars(
            errors,
            "error",
            [("rows", charts.PALE)],
            "error",
            low=float(errors["error"].iloc[0]) - half,
            high=float(errors["error"].iloc[-1]) + half,
            mark=(0.0, "no error"),
        ),
    }
