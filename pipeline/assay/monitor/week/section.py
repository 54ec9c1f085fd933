"""Our part of a week's page: what is open at its end, its nights, and every column over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from assay.monitor.nights import section
from assay.monitor.nights.standing import Stand, inside, stand
from assay.monitor.nights.summary import path

if TYPE_CHECKING:
    from assay.monitor.week.merge import Day, WeekPart
    from assay.monitor.week.week import Week

CSS = """
.assay h3{font-size:16px;margin:26px 0 4px;font-weight:650}
.assay td.bad,.assay td.bad a{color:#c0392b;font-weight:650}
.assay a{color:#1f5f99}
"""

TEMPLATE = """
<section class="assay" lang="en">
<style>{{ css | safe }}</style>
<div class="answer {{ 'bad' if w.open else 'ok' }}">
<h1>{{ w.headline() }}</h1>
{% if w.open %}<ul>{% for incident in w.open %}<li>{{ incident.sentence() }}</li>{% endfor %}</ul>
{% else %}<p>{{ w.name }}: as <code>assay monitor --from {{ w.first }} --to {{ w.last }}</code>
says.</p>{% endif %}
</div>
<dl>
<div><dt>Nights published</dt><dd>{{ w.days | length }} of 7</dd></div>
<div><dt>Rows scored</dt><dd>{{ count(w.total("rows_scored")) }}</dd></div>
<div><dt>Rows quarantined</dt><dd>{{ count(w.total("rows_quarantined")) }}</dd></div>
<div><dt>Model</dt><dd>{{ w.name }} {{ w.parts | map(attribute="version") | join(", then ") }}</dd>
</div></dl>

<h2>Its nights</h2>
<p class="quiet">First where each night stood at the end of the week. An alarm is about
{{ w.rule.nights }} of the last {{ w.rule.of }} nights together: all of them further out than
ordinary nights are, though perhaps none over a limit. {{ w.metric }} is what was
expected without labels, and what the labels said that came.</p>
<div class="wide"><table>
<thead><tr><th>Night</th><th>Stands</th><th class="n">Scored</th><th class="n">Quarantined</th>
<th class="n">Features over a limit</th><th class="n">{{ w.metric }}, expected</th>
<th class="n">With labels</th><th>In alarm</th></tr></thead><tbody>
{% for line in lines %}{% if line.day %}{% set d = line.day.night %}<tr>
<td>{% if line.link %}<a href="{{ line.link }}">{{ line.name }}</a>{% else %}{{ line.name }}
{% endif %}</td>
<td{% if line.stand.alarming %} class="bad"{% endif %}>{{ line.stand.words }}</td>
<td class="n">{{ count(d.record.rows_scored) }}</td>
<td class="n">{{ count(d.record.rows_quarantined) }}</td>
<td class="n">{{ d.decision.drifted | length }} of {{ d.decision.features }}</td>
<td class="n">{{ number(line.expected) }}</td><td class="n">{{ number(line.realized) }}</td>
<td class="why">{{ line.day.alarms | sort | join(", ") }}</td></tr>
{% else %}<tr><td>{{ line.name }}</td><td colspan="7" class="quiet">nothing is published</td></tr>
{% endif %}{% endfor %}</tbody></table></div>

{% for p in w.parts %}
<h2>Every column, on all {{ count(p.told.rows_scored) }} rows that {{ p.version }} scored</h2>
{% if loop.first %}<p class="quiet">Distance is that of the merged counts from the reference's; the
limit is that of a single night, from which a week strays less. Over, and in alarm: on how many
nights.</p>{% endif %}
<div class="wide"><table>
<thead><tr><th>Column</th><th class="n">Over</th><th class="n">In alarm</th>
<th class="n">Distance</th><th class="n">Limit of a night</th><th class="n">PSI</th>
<th class="n">Moved</th><th class="n">Nulls</th><th class="n">Change</th><th class="n">New</th>
</tr></thead><tbody>
{% for c in p.told.columns %}<tr{% if c.standing == "bad" %} class="over"{% endif %}>
<td>{{ c.name }}</td><td class="n">{{ p.over.get(c.name, "") }}</td>
<td class="n">{{ p.alarms.get(c.name, "") }}</td>
<td class="n">{{ number(c.finding.distance) }}</td><td class="n">{{ number(c.finding.limit) }}</td>
<td class="n">{{ number(c.finding.psi) }}</td><td class="n">{{ number(c.finding.wasserstein) }}</td>
<td class="n">{{ share(c.finding.null_share) }}</td>
<td class="n">{{ share(c.finding.null_share_change) }}</td>
<td class="n">{{ share(c.finding.new_category_share) }}</td></tr>
{% endfor %}</tbody></table></div>
{% endfor %}

<div class="next"><h2 style="margin-top:0">The same week as an Evidently report</h2>
<p class="quiet">First the merged counts of all rows, with histograms, what the columns hold,
performance and quarantine; each answer is a test at its end. Then Evidently on a sample of each
night's rows.</p></div>
</section>
"""


def render(week: Week) -> str:
    """The section as HTML; everything that came from data or people is escaped."""
    from jinja2 import Environment

    days = {day.partition: day for day in week.days}
    template = Environment(autoescape=True, trim_blocks=True).from_string(TEMPLATE)
    return template.render(
        css=section.CSS + CSS,
        w=week,
        lines=[_line(week, name, days.get(name)) for name in week.names],
        count=lambda value: "unknown" if value is None else f"{value:,}",
        number=lambda value: "" if value is None else f"{value:.3f}",
        share=lambda value: "" if value is None else f"{value:.1%}",
    )


def _stand(week: Week, day: Day) -> Stand:
    around = [(each, each.sentence()) for each in week.incidents if inside(each, day.partition)]
    return stand("published", day.night.decision.crossed, around, together=True)


def _line(week: Week, name: str, day: Day | None) -> dict[str, object]:
    parts: Sequence[WeekPart] = week.parts
    headline = next((p.told.headline for p in parts if day in p.days), "")
    known = {} if day is None else {
        bool(row["estimated"]): row["value"]
        for row in sorted(day.performance, key=lambda row: row["maturity_days"] or 0)
        if row["metric"] == headline and row.get("trusted") is not False
    }  # fmt: skip
    link = f"../{quote(path(name, '.html').removeprefix('reports/'))}"
    return {
        "name": name,
        "day": day,
        "stand": day and _stand(week, day),
        "link": link if name in week.pages else "",
        "expected": known.get(True),
        "realized": known.get(False),
    }
