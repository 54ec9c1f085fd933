"""Our part of a night's page: the decision, on all rows, in front of anything else."""

from __future__ import annotations

import re
from html import escape

from assay.columns.breaks import EXPLAINED
from assay.columns.reference import Reference
from assay.monitor.nights.summary import NightSummary
from assay.pages import strips as charts
from assay.project.visible import visible

CSS = """
.assay{background:#fff;color:#1f2933;font:15px/1.5 system-ui,"Segoe UI",Roboto,Arial,sans-serif;
 max-width:1180px;margin:0 auto;padding:28px 24px 8px}
.assay *{box-sizing:border-box}
.assay h1{font-size:30px;line-height:1.2;margin:0;font-weight:650}
.assay h2{font-size:19px;margin:32px 0 6px;font-weight:650}
.assay p{margin:4px 0 10px;max-width:860px}
.assay .quiet{color:#5b6773}
.assay .answer{border-left:8px solid;padding:16px 20px;border-radius:6px}
.assay .ok{border-color:#2e7d4f;background:#edf7f0}
.assay .bad{border-color:#c0392b;background:#fcefed}
.assay .odd{border-color:#c98a1b;background:#fdf6e3}
.assay .answer ul{margin:8px 0 0;padding-left:20px}
.assay dl{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:14px 24px;margin:20px 0 0}
.assay dt{color:#5b6773;font-size:13px}
.assay dd{margin:0;font-weight:600;overflow-wrap:anywhere}
.assay dd.code{font:13px/1.5 ui-monospace,Consolas,monospace}
.assay .wide{overflow-x:auto}
.assay table{border-collapse:collapse;width:100%;font-size:14px}
.assay th{text-align:left;font-weight:600;color:#5b6773;border-bottom:1px solid #c9d1d9}
.assay td,.assay th{padding:5px 10px 5px 0;vertical-align:middle;white-space:nowrap}
.assay td{border-bottom:1px solid #edf0f3}
.assay .n{text-align:right;font-variant-numeric:tabular-nums}
.assay tr.over td:first-child{color:#c0392b;font-weight:650}
.assay tr.over:has(+ .why) td{border-bottom:0}
.assay .why td{white-space:normal;padding:0 0 8px 14px;color:#c0392b}
.assay svg text{font:10px system-ui,Arial,sans-serif;fill:#5b6773}
.assay .next{border-top:2px solid #1f2933;padding-top:14px;margin-top:40px}
@media(max-width:760px){.assay dl{grid-template-columns:repeat(2,minmax(0,1fr))}}
"""

ANSWER = """
<!--answer--><div class="answer {{ tone }}">
<h1>{{ s.headline() }}</h1>
{% if not s.decision.crossed %}<p>{% if s.stand.incidents %}The night by itself crosses no limit; it
belongs to what began before it:
{% else %}{{ s.name }}: the score is no further from the reference than the reference's
own nights are from each other, and no column has odd nulls or categories.{% endif %}</p>{% endif %}
{% if s.reasons() %}<ul>{% for reason in s.reasons() %}<li>{{ reason }}</li>{% endfor %}</ul>
{% endif %}
{% if s.in_alarm %}<p>In alarm together with the nights before: {{ s.in_alarm | join(", ") }}.</p>
{% endif %}
</div><!--/answer-->
"""

TEMPLATE = """
<section class="assay" lang="en">
<style>{{ css | safe }}</style>
{{ answer | safe }}
<dl>
<div><dt>Rows read</dt><dd>{{ "{:,}".format(s.rows_read) }}</dd></div>
<div><dt>Rows scored</dt><dd>{{ "{:,}".format(s.rows_scored) }}</dd></div>
<div><dt>Rows quarantined</dt><dd>{{ "{:,}".format(s.rows_quarantined) }}</dd></div>
<div><dt>Features drifted</dt><dd>{{ d.drifted | length }} of {{ d.features }}
 (at most {{ "{:.0%}".format(s.limits.max_drifted_share) }} may)</dd></div>
<div><dt>Model</dt><dd>{{ s.name }} {{ s.version }}</dd></div>
<div><dt>Scored at</dt><dd>{{ s.scored_at }}</dd></div>
<div><dt>Run</dt><dd class="code">{{ s.run_id }}</dd></div>
<div><dt>Bundle</dt><dd class="code">{{ s.bundle }}</dd></div>
</dl>

<h2>Every column, on all {{ "{:,}".format(s.rows_scored) }} scored rows</h2>
<p class="quiet">Distance is the Jensen-Shannon distance (0: the same shares, 1: nothing in common)
between the night's counts and the reference's. A column's limit is the {{ d.quantile }} quantile of
the distances of {{ d.nights }} reference nights, each from all the others. In the picture a grey
tick is a reference night, the red line the limit, the dashed one the break limit, the dot this
night. The break limit is {{ explained }}: a column beyond it is in alarm at once, by itself; where
there is none, they explain any distance. PSI is shown, not decided on.
A null share may change by {{ "{:.1%}".format(s.limits.max_null_share_change) }}, or by the same
quantile of the reference nights' own changes where that is more; new categories may make up
{{ "{:.1%}".format(s.limits.max_new_category_share) }}. Effect estimates how far the column moves
scores: importance times the share of rows that shifted, beyond an ordinary night's. Moved is the
Wasserstein distance in the reference's standard deviations. Weekday is the distance from the same
weekdays before
{% if s.weekday.nights %}({{ s.weekday.nights | join(", ") }})
{%- else %}(here none: {{ s.weekday.why_none }}){% endif %}.</p>
<div class="wide"><table>
<thead><tr><th>Column</th><th class="n">Effect</th>
<th class="n">Distance</th><th class="n">Limit</th><th class="n">Break limit</th><th>
Among the reference's nights</th><th class="n">PSI</th><th class="n">Moved</th>
<th class="n">Weekday</th>
<th class="n">Nulls</th><th class="n">Change</th><th class="n">May change</th>
<th class="n">New</th></tr></thead>
<tbody>{% for row in rows %}<tr class="{{ 'over' if row.f.crossed }}">
<td>{{ visible(row.f.column) }}</td>
<td class="n">{{ number(row.f.effect) }}</td>
<td class="n">{{ number(row.f.distance) }}</td>
<td class="n">{{ number(row.f.limit) }}</td>
<td class="n">{{ number(row.f.break_limit) }}</td><td>{{ row.strip | safe }}</td>
<td class="n">{{ number(row.f.psi) }}</td>
<td class="n">{{ number(row.f.wasserstein) }}</td>
<td class="n">{{ number(s.weekday.distances.get(row.f.column)) }}</td>
<td class="n">{{ share(row.f.null_share) }}</td>
<td class="n">{{ share(row.f.null_share_change) }}</td>
<td class="n">{{ share(row.f.null_share_limit) }}</td>
<td class="n">{{ share(row.f.new_category_share) }}</td></tr>
{% if row.f.reasons %}<tr class="why"><td colspan="13">{{ row.f.reasons | join("; ") }}</td></tr>
{% endif %}
{% endfor %}</tbody></table></div>

{% if s.label %}<h2>The label, on {{ "{:.1%}".format(s.label.labelled_share) }} of the scored
rows</h2>
<p class="quiet">Of {{ "{:,}".format(s.label.rows) }} rows the truth was known
{{ s.label.maturity_days }} {{ "day" if s.label.maturity_days == 1 else "days" }} after the night.
How truths are spread is compared with the reference's, by the same measures. Nothing is decided on
it: those that arrive first need not be spread as the rest.
{% if s.label.limit is none %}So few are known that there is no limit.
{% else %}The limit is that of the reference's nights, wider where fewer truths are known than such
a night has.{% endif %}</p>
<div class="wide"><table>
<thead><tr><th class="n">Distance</th><th class="n">Limit</th><th class="n">PSI</th>
<th class="n">Total variation</th><th class="n">Moved</th><th>Over its limit</th></tr></thead>
<tbody><tr>
<td class="n">{{ number(s.label.distance) }}</td><td class="n">{{ number(s.label.limit) }}</td>
<td class="n">{{ number(s.label.psi) }}</td><td class="n">{{ number(s.label.total_variation) }}</td>
<td class="n">{{ number(s.label.wasserstein) }}</td>
<td>{{ {true: "yes", false: "no", none: "cannot be told"}[s.label.drifted] }}</td>
</tr></tbody></table></div>{% endif %}

<div class="next"><h2 style="margin-top:0">The same night as an Evidently report</h2>
<p class="quiet">First Assay's own numbers on all rows, with histograms, what the columns hold,
performance and quarantine; each answer is a test at its end. Then Evidently on
{% if s.sample_rows %}a sample of {{ "{:,}".format(s.sample_rows) }} rows.
{% else %}no sample: none could be had.{% endif %}</p></div>
</section>
"""


def render(summary: NightSummary, reference: Reference) -> str:
    """The section as HTML; everything that came from data or people is escaped."""
    from jinja2 import Environment

    rows = [
        {
            "f": f,
            "strip": charts.strip(
                reference.distances[f.column], f.limit, f.distance, f.break_limit
            ),
        }
        for f in summary.decision.findings
    ]
    template = Environment(autoescape=True, trim_blocks=True).from_string(TEMPLATE)
    return template.render(
        css=CSS,
        answer=answer(summary),
        s=summary,
        d=summary.decision,
        rows=rows,
        explained=EXPLAINED,
        visible=visible,
        number=lambda value: "" if value is None else f"{value:.3f}",
        share=lambda value: "" if value is None else f"{value:.1%}",
    )


def title(summary: NightSummary) -> str:
    """What the page is called."""
    return f"{summary.name}: {summary.headline()}"


def answer(summary: NightSummary) -> str:
    """Where the night stands: the part of the page that later nights may change."""
    from jinja2 import Environment

    tone = "bad" if summary.stand.alarming else "odd"
    if summary.stand.standing == "ok":
        tone = "ok"
    template = Environment(autoescape=True, trim_blocks=True).from_string(ANSWER)
    return template.render(s=summary, tone=tone).strip()


_ANSWER = re.compile(r"<!--answer-->.*?<!--/answer-->", re.DOTALL)
_TITLE = re.compile(r"<title>.*?</title>", re.DOTALL)


def restated(html: str, summary: NightSummary) -> str:
    """A night's page with its answer put in anew; all else stays as it was drawn."""
    # Both come before anything of data's, which is escaped besides.
    named = _TITLE.sub(lambda _: f"<title>{escape(title(summary))}</title>", html, count=1)
    return _ANSWER.sub(lambda _: answer(summary), named, count=1)
