"""The comparison for people: every metric of both models, its change drawn against none."""

from __future__ import annotations

from dataclasses import dataclass

from assay.metrics.estimate import Estimate, cells, effect, hangs, short
from assay.metrics.intervals.difference import Difference
from assay.metrics.units import counted
from assay.pages import charts
from assay.project.tasks import HEADLINE, better
from assay.reports.comparison import Comparison, SliceComparison, interval, worst_first

SHOWN = 30
"""Values shown of one slice field, those that lost most first."""

NOTHING = {
    "none": "There is no champion yet",
    "unreadable": "The champion cannot be read",
    "features_missing": "The champion's features are gone",
    "incomparable": "The champion answers another question",
}


@dataclass(frozen=True)
class Group:
    """Metrics that share an axis, which has 0 on it."""

    title: str
    rows: list[tuple[str, Difference]]
    low: float
    high: float


CSS = """
.assay{background:#fff;color:#1f2933;font:15px/1.5 system-ui,"Segoe UI",Roboto,Arial,sans-serif;
 max-width:1180px;margin:0 auto;padding:28px 24px 40px}
.assay *{box-sizing:border-box}
.assay h1{font-size:30px;line-height:1.2;margin:0 0 4px;font-weight:650}
.assay h2{font-size:19px;margin:34px 0 6px;font-weight:650}
.assay h3{font-size:15px;margin:22px 0 4px;font-weight:650}
.assay p{margin:4px 0 10px;max-width:860px}
.assay .quiet{color:#5b6773}
.assay .warn{border-left:8px solid #d98032;background:#fdf3ea;padding:12px 18px;border-radius:6px}
.assay dl{display:grid;grid-template-columns:repeat(5,minmax(0,1fr));gap:14px 24px;margin:18px 0 0}
.assay dt{color:#5b6773;font-size:13px}
.assay dd{margin:0;font-weight:600;overflow-wrap:anywhere}
.assay dd.code{font:13px/1.5 ui-monospace,Consolas,monospace}
.assay .wide{overflow-x:auto}
.assay table{border-collapse:collapse;width:100%;font-size:14px}
.assay th{text-align:left;font-weight:600;color:#5b6773;border-bottom:1px solid #c9d1d9}
.assay td,.assay th{padding:4px 14px 4px 0;vertical-align:middle;white-space:nowrap}
.assay td{border-bottom:1px solid #edf0f3}
.assay tr.axis td{border:0;padding-top:0}
.assay td.why{white-space:normal;color:#5b6773;font-size:13px;min-width:180px}
.assay .n,.assay th.n{text-align:right;font-variant-numeric:tabular-nums}
.assay svg{display:block}
.assay svg text{font:11px system-ui,Arial,sans-serif;fill:#5b6773}
@media(max-width:760px){.assay dl{grid-template-columns:repeat(2,minmax(0,1fr))}}
"""

TEMPLATE = """
<section class="assay" lang="en">
<style>{{ css | safe }}</style>
<h1>{{ headline }}</h1>
<p class="quiet">Both models scored the same {{ "{:,}".format(c.rows) }} rows of the holdout.
The challenger is candidate <b>{{ c.challenger.candidate }}</b> of {{ c.name }}.</p>
{% if c.why %}<p class="warn">{{ c.why }}</p>{% endif %}
<dl>
<div><dt>Champion</dt>
<dd>{{ (c.champion.version or "unknown") if c.champion else "none" }}</dd></div>
<div><dt>Champion's bundle</dt>
<dd class="code">{{ (c.champion.bundle if c.champion else none) or "unknown" }}</dd></div>
<div><dt>Challenger's bundle</dt><dd class="code">{{ c.challenger.bundle }}</dd></div>
{% if c.stability %}<div><dt>Distance of the scores, 0 to 1</dt>
<dd>{{ short(c.stability.distance) }}</dd></div>
{% if c.stability.flipped is not none %}<div><dt>Rows with another prediction</dt>
<dd>{{ "{:,}".format(c.stability.rows) }},
{{ "{:.2%}".format(c.stability.flipped.value) }}</dd></div>
{% endif %}{% endif %}
</dl>
{% if groups %}
<h2>Differences, with {{ confidence }} intervals</h2>
<p class="quiet">Challenger less champion, on the same rows: what both find hard cancels out. The
dashed line is no difference. The bar is the {{ confidence }} interval of the difference over
{{ units }}.{% if hangs %} <b>Rows hang together here</b>: {{ hangs }}.{% endif %}</p>
{% for group in groups %}
<h3>{{ group.title }}</h3>
<div class="wide"><table>
<thead><tr><th>Metric</th><th class="n">Champion</th><th class="n">Challenger</th>
<th class="n">Difference</th><th class="n">Interval</th><th></th><th>Method</th></tr></thead>
<tbody>{% for name, one in group.rows %}<tr><td>{{ name }}</td>
{{ numbers(one) }}
<td>{{ charts.strip(interval(one), group.low, group.high, 0.0) | safe }}</td>
<td class="why">{{ one.why or one.method }}{% if one.design_effect is not none %}, design
effect {{ effect(interval(one)) }}{% endif %}{% if one.doubt %}. Mind: {{ one.doubt }}{% endif %}
</td></tr>{% endfor %}
<tr class="axis"><td colspan="5"></td>
<td>{{ charts.axis(group.low, group.high) | safe }}</td><td></td></tr>
</tbody></table></div>
{% endfor %}
{% if fields %}
<h2>Slices: did anyone lose?</h2>
<p class="quiet">Change of {{ by }}, where {{ better(by) }} is better; those that lost most first.
A slice with few rows has a wide bar. Every metric of every slice is in comparison.json.</p>
{% for field, parts, left in fields %}
<h3>{{ field }}</h3>
<div class="wide"><table>
<thead><tr><th>Value</th><th class="n">Rows</th><th class="n">Champion</th>
<th class="n">Challenger</th><th class="n">Difference</th><th class="n">Interval</th>
<th></th></tr></thead><tbody>
{% for part in parts %}<tr><td>{{ part.value }}</td>
<td class="n">{{ "{:,}".format(part.rows) }}</td>
{% if part.differences is none %}<td class="why" colspan="5">{{ part.why }}</td>
{% else %}{% set one = part.differences[by] %}{{ numbers(one) }}
<td>{% if one.value is none %}{{ one.why }}{% else %}
{{ charts.strip(interval(one), low, high, 0.0) | safe }}{% endif %}</td>
{% endif %}</tr>{% endfor %}
<tr class="axis"><td colspan="6"></td><td>{{ charts.axis(low, high) | safe }}</td></tr>
</tbody></table></div>
{% if left %}<p class="quiet">{{ left }} more values of {{ field }} are in comparison.json.</p>
{% endif %}{% endfor %}{% endif %}{% endif %}
</section>
"""

NUMBERS = """<td class="n">{{ one(d.champion) }}</td><td class="n">{{ one(d.challenger) }}</td>
<td class="n">{{ difference }}</td><td class="n">{{ span }}</td>"""


def render(found: Comparison) -> str:
    """The section as HTML."""
    from jinja2 import Environment
    from markupsafe import Markup

    environment = Environment(autoescape=True)
    row = environment.from_string(NUMBERS)

    def numbers(one: Difference) -> Markup:
        difference, span = cells(interval(one))
        return Markup(row.render(d=one, one=_number, difference=difference, span=span))

    by = HEADLINE[found.task]
    drawn = [part.differences[by] for part in found.slices if part.differences is not None]
    low, high = _axis(drawn)
    return environment.from_string(TEMPLATE).render(
        css=CSS,
        c=found,
        headline=headline(found),
        confidence=f"{found.confidence * 100:g}%",
        groups=_groups(found),
        fields=_fields(found),
        by=by,
        better=better,
        charts=charts,
        units=counted(found.units, found.unit),
        effect=effect,
        hangs=hangs(_drawn(found)),
        interval=interval,
        numbers=numbers,
        short=short,
        low=low,
        high=high,
    )


def headline(found: Comparison) -> str:
    """What the page and the table are about, in one line."""
    if found.champion is None or found.state != "compared":
        return f"{found.name}: {NOTHING[found.state]}"
    return f"{found.name}: the challenger against {found.champion.version}"


def _number(value: float | None) -> str:
    return "-" if value is None else short(value)


def _groups(found: Comparison) -> list[Group]:
    groups = []
    for title, wanted in (
        ("Higher is better", ("higher",)),
        ("Lower or nearer 0 is better", ("lower", "nearer 0")),
    ):
        rows = [
            (name, one) for name, one in (found.differences or {}).items() if better(name) in wanted
        ]
        if rows:
            groups.append(Group(title, rows, *_axis([one for _, one in rows])))
    return groups


def _drawn(found: Comparison) -> dict[str, Estimate]:
    """The differences by metric, as numbers with intervals."""
    drawn = {name: interval(one) for name, one in (found.differences or {}).items()}
    return {name: one for name, one in drawn.items() if one is not None}


def _axis(found: list[Difference]) -> tuple[float, float]:
    zero = Estimate(0.0, None, None)
    drawn = [one for one in map(interval, found) if one is not None]
    return charts.bounds([zero, *drawn])


def _fields(found: Comparison) -> list[tuple[str, list[SliceComparison], int]]:
    result = []
    for name in dict.fromkeys(part.field for part in found.slices):
        parts = [part for part in worst_first(found) if part.field == name]
        result.append((name, parts[:SHOWN], max(0, len(parts) - SHOWN)))
    return result
