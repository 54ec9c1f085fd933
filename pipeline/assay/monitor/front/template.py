"""The front page's frame: style and text, for a phone first and a desk second."""

from __future__ import annotations

SHELL = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="UTF-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"></head>\n'
    "<body></body></html>\n"
)

CSS = """
.front{background:#fff;color:#1f2933;font:15px/1.5 system-ui,"Segoe UI",Roboto,Arial,sans-serif;
 max-width:1160px;margin:0 auto;padding:20px 16px 40px}
.front *{box-sizing:border-box}
.front h1{font-size:22px;line-height:1.25;margin:0 0 14px;font-weight:650;overflow-wrap:anywhere}
.front h2{font-size:18px;margin:30px 0 8px;font-weight:650}
.front h3{font-size:14px;margin:0 0 6px;font-weight:600;color:#5b6773}
.front p{margin:4px 0}.front ul{margin:6px 0 0;padding-left:20px}
.front li,.front p{overflow-wrap:anywhere}
.front a{color:#1f5f99}
.front .quiet{color:#5b6773;font-size:13px}
.front .top{display:grid;gap:12px;
 grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr))}
.front .card{border-left:7px solid #b4bec8;background:#f4f6f8;border-radius:6px;padding:12px 16px}
.front .card b{font-size:17px}
.front .card.ok{border-color:#2e7d4f;background:#edf7f0}
.front .card.bad{border-color:#c0392b;background:#fcefed}
.front .months{display:flex;flex-wrap:wrap;gap:22px 30px}
.front .days{display:grid;grid-template-columns:repeat(7,44px);gap:4px}
.front .days i{font-style:normal;font-size:11px;color:#5b6773;text-align:center}
.front .names{display:flex;flex-wrap:wrap;gap:4px}
.front .t{display:block;position:relative;height:40px;border-radius:5px;padding:3px 6px;
 font-size:13px;text-decoration:none;color:#1f2933;border:1px solid transparent}
.front .names .t{padding-right:22px;line-height:32px}
.front .t b{position:absolute;right:5px;bottom:2px;font-size:13px;line-height:1.2}
.front .t:hover,.front .t:focus{outline:2px solid #1f2933}
.front .ok.t,.front .s.ok{background:#cfead8}
.front .drift.t,.front .s.drift{background:#f4b6aa}
.front .incident.t,.front .s.incident{background:#f9d5cd}
.front .over.t,.front .s.over{background:#fdf0cf}
.front .recovered.t,.front .s.recovered{background:#eceadb}
.front .snoozed.t,.front .s.snoozed{background:#e3e1ec}
.front .unseen.t,.front .s.unseen{background:#fff;border-color:#2e7d4f}
.front .held.t,.front .s.held{background:#f8d98c}
.front .failed.t,.front .s.failed{background:#a1261a;color:#fff}
.front .unfinished.t,.front .s.unfinished{background:#d9cdee}
.front .retracted.t,.front .s.retracted{background:#cfd6dd}
.front .missing.t,.front .s.missing{background:#fff;border:1px dashed #9aa5b1;color:#5b6773}
.front .legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin-top:14px;font-size:13px}
.front .s{display:inline-block;width:22px;height:18px;border-radius:4px;margin-right:6px;
 text-align:center;line-height:17px;font-size:12px;border:1px solid transparent;
 vertical-align:middle}
.front .charts{display:grid;gap:18px 28px;
 grid-template-columns:repeat(auto-fit,minmax(min(320px,100%),1fr))}
.front figure{margin:0;max-width:520px}.front figure svg{width:100%;height:auto;display:block}
.front figcaption{font-weight:600}
.front svg text{font:10px system-ui,Arial,sans-serif;fill:#5b6773}
.front .columns{display:grid;
 grid-template-columns:minmax(80px,max-content) minmax(0,1fr) max-content;
 gap:3px 10px;align-items:center;font-size:13px}
.front .columns svg{width:100%;height:14px;display:block}
.front .columns span{overflow:hidden;text-overflow:ellipsis;max-width:230px}
.front .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.front table{border-collapse:collapse;width:100%;font-size:14px}
.front th{text-align:left;font-weight:600;color:#5b6773;border-bottom:1px solid #c9d1d9}
.front th.n{text-align:right}
.front td,.front th{padding:6px 12px 6px 0;vertical-align:top}
.front td{border-bottom:1px solid #edf0f3;overflow-wrap:anywhere}
.front td:first-child,.front td:nth-child(2){white-space:nowrap}
.front tr:target{background:#fdf6dd}
@media(max-width:700px){
.front .months{flex-direction:column-reverse}
.front .columns span{max-width:120px}
.front thead{display:none}
.front table,.front tbody{display:block}
.front tr{display:block;padding:8px 0;border-bottom:1px solid #edf0f3}
.front td{display:inline;border:0;padding:0 6px 0 0}
.front td.n{font-size:13px;color:#5b6773;white-space:normal}
.front td.n:empty,.front td.wide:empty{display:none}
.front td.n::before{content:attr(data-name) " "}
.front td:nth-child(2)::after{content:"";display:block}
.front td.wide{display:block;font-size:14px}
}
"""

TEMPLATE = """
<section class="front" lang="en">
<style>{{ css | safe }}</style>
<h1>{{ f.name }}</h1>
<div class="top">
<div class="card {{ tone }}">
{% if latest %}<h3>Last night</h3>
<p><b><a href="{{ latest_link }}">{{ latest.partition }}</a>: {{ latest_words }}</b></p>
{% if latest.rows_read is not none %}<p class="quiet">{{ count(latest.rows_read) }} rows read,
{{ count(latest.rows_scored) }} scored, {{ count(latest.rows_quarantined) }} quarantined,
by {{ latest.version }}</p>{% endif %}
{% if latest.reasons() %}<ul>{% for reason in latest.reasons()[:5] %}<li>{{ reason }}</li>
{% endfor %}</ul>{% endif %}
{% else %}<h3>Last night</h3><p><b>No night has been scored yet.</b></p>
<p class="quiet">Score one: assay score --date DAY</p>{% endif %}
</div>
<div class="card"><h3>Champion ({{ f.stage }})</h3>
{% for line in champion %}<p{% if not loop.first %} class="quiet"{% endif %}>
{% if loop.first %}<b>{{ line }}</b>{% else %}{{ line }}{% endif %}</p>{% endfor %}
</div>
<div class="card {{ 'bad' if open or f.every.words }}"><h3>Incidents</h3>
<p>{% if open %}<b>{{ incidents[0] }}</b>{% else %}{{ incidents[0] }}{% endif %}</p>
{% if incidents | length > 1 %}<ul>{% for each in incidents[1:7] %}<li>{{ each }}</li>
{% endfor %}{% if incidents | length > 7 %}<li>and {{ incidents | length - 7 }} more</li>{% endif %}
</ul>{% endif %}
</div>
</div>

{% if f.nights %}
<h2>The last {% if f.nights | length > 1 %}{{ f.nights | length }} nights{% else %}night
{% endif %}</h2>
<div class="months">{% for month in months %}
<div>{% if month.title %}<h3>{{ month.title }}</h3>{% endif %}
<div class="{{ 'days' if month.days else 'names' }}">
{% if month.days %}{% for d in ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"] %}<i>{{ d }}</i>
{% endfor %}{% for _ in range(month.blanks) %}<span></span>{% endfor %}{% endif %}
{% for t in month.tiles %}{% if t %}<a class="t {{ t.kind }}" href="{{ t.link }}"
 title="{{ t.title }}" aria-label="{{ t.title }}">{{ t.text }}<b>{{ t.mark }}</b></a>
{% else %}<span></span>{% endif %}{% endfor %}
</div></div>{% endfor %}</div>
<div class="legend">{% for name, mark, words, n in legend %}<span>
<span class="s {{ name }}">{{ mark }}</span>{{ n }} {{ words }}</span>{% endfor %}
{% if later %}<span>{{ later }}: a later run of the night was held or failed</span>{% endif %}</div>

{% if charts %}<h2>Night by night</h2>
<div class="charts">{% for title, picture, words in charts %}<figure><figcaption>{{ title }}
</figcaption>{{ picture | safe }}<p class="quiet">{{ words }}</p></figure>{% endfor %}</div>
{% endif %}

{% if columns %}<h2>Columns that were over a limit</h2>
<p class="quiet">A cell a night:
{% for least, colour in shades %}<span class="s" style="background:{{ colour }}"></span>
{% if least is none %}could not be compared{% elif least %}from {{ "%g" | format(least) }} times
its limit{% else %}nearer{% endif %} &nbsp; {% endfor %} At the right: on how many nights.
{% if quiet %}{{ quiet }} {{ "other columns" if quiet > 1 else "other column" }} never
{{ "were" if quiet > 1 else "was" }}.{% endif %}</p>
<div class="columns">{% for c in columns %}<span title="{{ c.name }}">{{ c.name }}</span>
{{ c.svg | safe }}<span class="n">{{ c.nights }}</span>{% endfor %}</div>{% endif %}

<h2>Every night</h2>
<table><thead><tr><th>Night</th><th></th><th>Version</th><th class="n">Rows read</th>
<th class="n">Quarantined</th><th class="n">Drifted</th>
{% if f.metric %}<th class="n">Estimated</th><th class="n">Realized</th>{% endif %}
<th>What to know</th></tr></thead>
<tbody>{% for night, id, link in lines %}<tr id="{{ id }}">
<td>{% if night.page %}<a href="{{ link }}">{{ night.partition }}</a>
{% else %}{{ night.partition }}{% endif %}</td>
<td>{{ night.stand.words }}</td>
<td class="n" data-name="version">{{ night.version }}</td>
<td class="n" data-name="rows read">{{ count(night.rows_read) }}</td>
<td class="n" data-name="quarantined">{{ share(night.quarantine_share) }}</td>
<td class="n" data-name="drifted">{% if night.drift %}{{ night.drift.drifted }} of
 {{ night.drift.features }}{% endif %}</td>
{% if f.metric %}<td class="n"
 data-name="{{ f.metric }}, estimated">{{ measured(night.estimated) }}</td>
<td class="n" data-name="{{ f.metric }}, realized">{{ measured(night.realized) }}</td>{% endif %}
<td class="wide">{{ night.brief() | join("; ") }}</td></tr>
{% endfor %}</tbody></table>
{% endif %}
</section>
"""
