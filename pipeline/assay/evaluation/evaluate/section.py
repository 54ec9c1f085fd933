"""Our part of the page: every metric with its interval, pictures and slices."""

from __future__ import annotations

from dataclasses import dataclass

from assay.evaluation.evaluate.views import MEANING
from assay.metrics.estimate import Estimate, cells, effect, hangs
from assay.metrics.units import counted, many
from assay.pages import charts
from assay.project.tasks import HEADLINE, better
from assay.reports.evaluation import BESIDE, Measurement, SliceResult, worst_first

SHOWN = 30
"""Values shown of one slice field, worst first."""


@dataclass(frozen=True)
class About:
    """What the page is about."""

    name: str
    candidate: str
    bundle: str
    label: str
    window: str


@dataclass(frozen=True)
class Group:
    """Metrics that share an axis."""

    title: str
    rows: list[tuple[str, Estimate]]
    low: float
    high: float


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
{% if e.positives is not none %}
<div><dt>Positive ({{ a.label }})</dt><dd>{{ "{:,}".format(e.positives) }},
 {{ "{:.1%}".format(e.positives / e.rows) }}</dd></div>
<div><dt>Predicted positive at or above</dt><dd>{{ e.threshold }}</dd></div>
{% else %}<div><dt>Label</dt><dd>{{ a.label }}</dd></div>
<div><dt>Task</dt><dd>{{ e.task }}</dd></div>{% endif %}
<div><dt>Bundle</dt><dd class="code">{{ a.bundle }}</dd></div>
</dl>

<h2>Metrics, with {{ confidence }} intervals</h2>
<p class="quiet">The dot is the value on all rows. The bar is the {{ confidence }} interval over
{{ units }}: how far the value could move with other {{ many }} like these. The design effect says
how many times the variance is what it would be if rows were independent.
{% if hangs %}<b>Rows hang together here</b>: {{ hangs }}.{% endif %}</p>
{% for group in groups %}
<h3>{{ group.title }}</h3>
<div class="wide"><table>
<thead><tr><th class="name">Metric</th><th class="n">Value</th>
<th class="n span">Interval</th><th></th><th class="n">Design effect</th>
<th>What it says</th></tr></thead>
<tbody>{% for name, one in group.rows %}<tr><td>{{ name }}</td>
<td class="n">{{ cells(one)[0] }}</td><td class="n">{{ cells(one)[1] }}</td>
<td>{{ charts.strip(one, group.low, group.high) | safe }}</td>
<td class="n">{{ effect(one) }}</td>
<td class="why">{{ one.why or meaning[name] }}{% if one.doubt %} Mind: {{ one.doubt }}.{% endif %}
</td></tr>{% endfor %}
<tr class="axis"><td colspan="3"></td>
<td>{{ charts.axis(group.low, group.high) | safe }}</td><td colspan="2"></td></tr>
</tbody></table></div>
{% endfor %}

{{ body | safe }}

{% if fields %}
<h2>Slices: does it hold for everyone?</h2>
<p class="quiet">The dashed line is the {{ first }} on all rows; worst first. A slice with few rows
has a wide bar. What could not be computed says why.</p>
{% for field, parts, left in fields %}
<h3>{{ field }}</h3>
<div class="wide"><table>
<thead><tr><th>Value</th><th class="n">Rows</th>
{% if e.positives is not none %}<th class="n">Positive</th>{% endif %}
<th class="n">{{ first }}</th>
<th class="n">Interval</th><th></th><th class="n">{{ second }}</th>
<th class="n">Interval</th></tr></thead><tbody>
{% for part in parts %}<tr><td>{{ part.value }}</td>
<td class="n">{{ "{:,}".format(part.rows) }}</td>
{% if e.positives is not none %}<td class="n">
{{ "{:.1%}".format(part.positives / part.rows) }}</td>{% endif %}
{% if part.metrics is none %}<td class="why" colspan="5">{{ part.why }}</td>
{% else %}{% set one = part.metrics[first] %}{% set other = part.metrics[second] %}
<td class="n">{{ cells(one)[0] }}</td>
{% if one.why %}<td class="why" colspan="2">{{ one.why }}</td>
{% else %}<td class="n">{{ cells(one)[1] }}</td>
<td>{{ charts.strip(one, low, high, overall) | safe }}</td>{% endif %}
<td class="n">{{ cells(other)[0] }}</td>
<td class="n">{{ cells(other)[1] }}</td>{% endif %}</tr>{% endfor %}
<tr class="axis"><td colspan="{{ 4 if e.positives is none else 5 }}"></td>
<td>{{ charts.axis(low, high) | safe }}</td>
<td colspan="2"></td></tr>
</tbody></table></div>
{% if left %}<p class="quiet">{{ left }} more values of {{ field }} are in evaluation.json.</p>
{% endif %}
{% endfor %}{% endif %}

<div class="next"><h2 style="margin-top:0">Evidently's report</h2>
<p class="quiet">{{ evidently }}</p></div>
</section>
"""


def render(found: Measurement, about: About, body: str, evidently: str) -> str:
    """The section as HTML.

    Parameters
    ----------
    found
        The evaluation.
    about
        What it is about.
    body
        As :func:`assay.evaluation.evaluate.views.body` makes it.
    evidently
        What to say about the report that follows.
    """
    from jinja2 import Environment

    first, second = HEADLINE[found.task], BESIDE[found.task]
    parts = [part.metrics[first] for part in found.slices if part.metrics is not None]
    low, high = charts.bounds([found.metrics[first], *parts], least=0.0)
    template = Environment(autoescape=True).from_string(TEMPLATE)
    return template.render(
        css=CSS,
        a=about,
        e=found,
        confidence=f"{found.confidence * 100:g}%",
        units=counted(found.units, found.unit),
        many=many(found.unit),
        effect=effect,
        hangs=hangs(found.metrics),
        groups=_groups(found, about.label),
        meaning=MEANING[found.task],
        cells=cells,
        charts=charts,
        body=body,
        fields=_fields(found),
        first=first,
        second=second,
        low=low,
        high=high,
        overall=found.metrics[first].value,
        evidently=evidently,
    )


def _groups(found: Measurement, label: str) -> list[Group]:
    higher, lower = (
        [(name, one) for name, one in found.metrics.items() if (better(name) == "higher") is way]
        for way in (True, False)
    )
    if found.task == "regression":
        zero = Estimate(0.0, None, None)
        scale = charts.bounds([zero, *(one for _, one in lower)])
        ends = [one.value if one.low is None else one.low for _, one in higher]
        worst = min((end for end in ends if end is not None), default=0.0)
        low = charts.round_out(worst, 1.0, most=1.0)[0] if worst < 0 else 0.0
        return [
            Group(f"Errors, in the unit of {label}; nearer 0 is better", lower, *scale),
            Group("Higher is better", higher, low, 1.0),
        ]
    tops = [one.high or one.value or 0.0 for _, one in lower]
    return [
        Group("Higher is better", higher, 0.0, 1.0),
        Group("Lower is better", lower, 0.0, max(1.0, *tops)),
    ]


def _fields(found: Measurement) -> list[tuple[str, list[SliceResult], int]]:
    names = dict.fromkeys(part.field for part in found.slices)
    result = []
    for name in names:
        parts = [part for part in worst_first(found) if part.field == name]
        result.append((name, parts[:SHOWN], max(0, len(parts) - SHOWN)))
    return result
