"""Our part of the page: every metric with its interval, calibration and slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.evaluate import charts
from pipeline.evaluate.results import Estimate, Evaluation, SliceResult
from pipeline.evaluate.terminal import cells, worst_first
from pipeline.params import HIGHER_IS_BETTER

SHOWN = 30
"""Values shown of one slice field, worst first."""

MEANING = {
    "auc": "chance that a positive row is ranked above a negative one; a coin gets 0.5",
    "average_precision": "mean precision over all thresholds; a coin gets the share of positives",
    "log_loss": "surprise at what happened, given the probabilities",
    "brier": "mean squared distance of the probability from 0 or 1",
    "calibration_error": "mean distance of predicted from observed share, over ten bins",
    "accuracy": "share of rows predicted right",
    "precision": "share of predicted positives that are positive",
    "recall": "share of positives that are predicted positive",
    "f1": "harmonic mean of precision and recall",
}


@dataclass(frozen=True)
class About:
    """What the page is about."""

    name: str
    candidate: str
    bundle: str
    label: str
    window: str


CSS = """
.assay{background:#fff;color:#1f2933;font:15px/1.5 system-ui,"Segoe UI",Roboto,Arial,sans-serif;
 max-width:1180px;margin:0 auto;padding:28px 24px 8px}
.assay *{box-sizing:border-box}
.assay h1{font-size:30px;line-height:1.2;margin:0 0 4px;font-weight:650}
.assay h2{font-size:19px;margin:34px 0 6px;font-weight:650}
.assay h3{font-size:15px;margin:22px 0 4px;font-weight:650}
.assay p{margin:4px 0 10px;max-width:860px}
.assay .quiet{color:#5b6773}
.assay dl{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:14px 24px;margin:18px 0 0}
.assay dt{color:#5b6773;font-size:13px}
.assay dd{margin:0;font-weight:600;overflow-wrap:anywhere}
.assay dd.code{font:13px/1.5 ui-monospace,Consolas,monospace}
.assay .wide{overflow-x:auto}
.assay table{border-collapse:collapse;width:100%;font-size:14px}
.assay th{text-align:left;font-weight:600;color:#5b6773;border-bottom:1px solid #c9d1d9}
.assay td,.assay th{padding:4px 14px 4px 0;vertical-align:middle;white-space:nowrap}
.assay td{border-bottom:1px solid #edf0f3}
.assay tr.axis td{border:0;padding-top:0}
.assay td.why{white-space:normal;color:#5b6773;font-size:13px;min-width:220px}
.assay .n{text-align:right;font-variant-numeric:tabular-nums}
.assay .name{width:160px}.assay .span{width:150px}
.assay svg{display:block}
.assay svg text{font:11px system-ui,Arial,sans-serif;fill:#5b6773}
.assay .pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(340px,1fr));
 gap:20px 36px}
.assay figure{margin:0}.assay figure svg{width:100%;height:auto}
.assay figcaption{font-weight:600;margin-bottom:4px}
.assay .key{display:inline-block;width:11px;height:11px;border-radius:2px;margin:0 5px 0 10px}
.assay .next{border-top:2px solid #1f2933;padding-top:14px;margin-top:40px}
@media(max-width:760px){.assay dl{grid-template-columns:repeat(2,minmax(0,1fr))}}
"""

TEMPLATE = """
<section class="assay" lang="en">
<style>{{ css | safe }}</style>
<h1>How good is {{ a.name }}?</h1>
<p class="quiet">Candidate <b>{{ a.candidate }}</b>, scored once on rows that training never saw:
the holdout of {{ a.window }}.</p>
<dl>
<div><dt>Rows</dt><dd>{{ "{:,}".format(e.rows) }}</dd></div>
<div><dt>Positive ({{ a.label }})</dt><dd>{{ "{:,}".format(e.positives) }},
 {{ "{:.1%}".format(e.positives / e.rows) }}</dd></div>
<div><dt>Predicted positive at or above</dt><dd>{{ e.threshold }}</dd></div>
<div><dt>Bundle</dt><dd class="code">{{ a.bundle }}</dd></div>
</dl>

<h2>Metrics, with {{ confidence }} intervals</h2>
<p class="quiet">The dot is the value on all rows. The bar is where {{ confidence }} of
{{ e.replicates }} resamples of the holdout fall (percentile bootstrap within each label, rows taken
as independent): how far the value could move with another sample of such rows.</p>
{% for title, rows, low, high in groups %}
<h3>{{ title }}</h3>
<div class="wide"><table>
<thead><tr><th class="name">Metric</th><th class="n">Value</th>
<th class="n span">Interval</th><th></th>
<th>What it says</th></tr></thead>
<tbody>{% for name, one in rows %}<tr><td>{{ name }}</td>
<td class="n">{{ cells(one)[0] }}</td><td class="n">{{ cells(one)[1] }}</td>
<td>{{ charts.strip(one, low, high) | safe }}</td>
<td class="why">{{ one.why or meaning[name] }}</td></tr>{% endfor %}
<tr class="axis"><td colspan="3"></td><td>{{ charts.axis(low, high) | safe }}</td><td></td></tr>
</tbody></table></div>
{% endfor %}

<h2>Probabilities</h2>
<div class="pictures">
<figure><figcaption>Calibration: can a probability be taken at its word?</figcaption>
{{ calibration | safe }}
<p class="quiet">Each dot is a tenth of the rows, more where many share one probability.
Above the dashed line more rows turned out
positive than predicted, below it fewer.</p></figure>
<figure><figcaption>Scores
<span class="key" style="background:{{ charts.ORANGE }}"></span>{{ a.label }}
<span class="key" style="background:{{ charts.PALE }}"></span>not {{ a.label }}</figcaption>
{{ scores | safe }}
<p class="quiet">Rows right of the line are predicted {{ a.label }}.</p></figure>
</div>
<h3>Confusion at threshold {{ e.threshold }}, all {{ "{:,}".format(e.rows) }} rows</h3>
<div class="wide"><table style="width:auto">
<thead><tr><th></th><th class="n">predicted not {{ a.label }}</th>
<th class="n">predicted {{ a.label }}</th></tr></thead><tbody>
{% for title, row in confusion %}<tr><td>{{ title }}</td>{% for count in row %}
<td class="n">{{ "{:,}".format(count) }}</td>{% endfor %}</tr>{% endfor %}
</tbody></table></div>

{% if fields %}
<h2>Slices: does it hold for everyone?</h2>
<p class="quiet">The dashed line is the AUC on all rows; worst first. A slice with few rows has a
wide bar. What could not be computed says why.</p>
{% for field, parts, left in fields %}
<h3>{{ field }}</h3>
<div class="wide"><table>
<thead><tr><th>Value</th><th class="n">Rows</th><th class="n">Positive</th><th class="n">AUC</th>
<th class="n">Interval</th><th></th><th class="n">Calibration error</th>
<th class="n">Interval</th></tr></thead><tbody>
{% for part in parts %}<tr><td>{{ part.value }}</td>
<td class="n">{{ "{:,}".format(part.rows) }}</td>
<td class="n">{{ "{:.1%}".format(part.positives / part.rows) }}</td>
{% if part.metrics is none %}<td class="why" colspan="5">{{ part.why }}</td>
{% else %}{% set auc = part.metrics["auc"] %}{% set gap = part.metrics["calibration_error"] %}
<td class="n">{{ cells(auc)[0] }}</td>
{% if auc.why %}<td class="why" colspan="2">{{ auc.why }}</td>
{% else %}<td class="n">{{ cells(auc)[1] }}</td>
<td>{{ charts.strip(auc, low, high, overall) | safe }}</td>{% endif %}
<td class="n">{{ cells(gap)[0] }}</td>
<td class="n">{{ cells(gap)[1] }}</td>{% endif %}</tr>{% endfor %}
<tr class="axis"><td colspan="5"></td><td>{{ charts.axis(low, high) | safe }}</td>
<td colspan="2"></td></tr>
</tbody></table></div>
{% if left %}<p class="quiet">{{ left }} more values of {{ field }} are in evaluation.json.</p>
{% endif %}
{% endfor %}{% endif %}

<div class="next"><h2 style="margin-top:0">Evidently's classification report</h2>
<p class="quiet">{{ evidently }}</p></div>
</section>
"""


def render(
    found: Evaluation,
    about: About,
    calibration: pd.DataFrame,
    scores: pd.DataFrame,
    confusion: NDArray[np.int64],
    evidently: str,
) -> str:
    """The section as HTML.

    Parameters
    ----------
    found
        The evaluation.
    about
        What it is about.
    calibration, scores, confusion
        As :mod:`pipeline.evaluate.plots` makes them.
    evidently
        What to say about the report that follows.
    """
    from jinja2 import Environment

    higher = [(name, one) for name, one in found.metrics.items() if name in HIGHER_IS_BETTER]
    lower = [(name, one) for name, one in found.metrics.items() if name not in HIGHER_IS_BETTER]
    tops = [one.high or one.value or 0.0 for _, one in lower]
    low, high = charts.bounds(_aucs(found))
    template = Environment(autoescape=True).from_string(TEMPLATE)
    return template.render(
        css=CSS,
        a=about,
        e=found,
        confidence=f"{found.confidence * 100:g}%",
        groups=[
            ("Higher is better", higher, 0.0, 1.0),
            ("Lower is better", lower, 0.0, max(1.0, *tops)),
        ],
        meaning=MEANING,
        cells=cells,
        charts=charts,
        calibration=charts.calibration(calibration),
        scores=charts.scores(scores, found.threshold),
        confusion=list(zip((f"not {about.label}", about.label), confusion.tolist(), strict=True)),
        fields=_fields(found.slices),
        low=low,
        high=high,
        overall=found.metrics["auc"].value,
        evidently=evidently,
    )


def _aucs(found: Evaluation) -> list[Estimate]:
    parts = [part.metrics["auc"] for part in found.slices if part.metrics is not None]
    return [found.metrics["auc"], *parts]


def _fields(slices: tuple[SliceResult, ...]) -> list[tuple[str, list[SliceResult], int]]:
    names = dict.fromkeys(part.field for part in slices)
    result = []
    for name in names:
        parts = worst_first(tuple(part for part in slices if part.field == name))
        result.append((name, parts[:SHOWN], max(0, len(parts) - SHOWN)))
    return result
