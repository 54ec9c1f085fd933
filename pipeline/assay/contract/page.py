"""The template of the contract report: one file, no script, readable on a phone."""

from __future__ import annotations

PAGE = """{% macro mark(broken) -%}
<td class="mark {{ "bad" if broken else "good" }}">{{ "✗ broken" if broken else "✓ holds" }}</td>
{%- endmacro -%}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Contract {{ "kept" if result.ok else "broken" }}: {{ result.where }}</title>
<style>
:root { color-scheme: light; --ink: #1c2430; --soft: #5b6675; --line: #e2e6eb; --bad: #b3261e;
  --good: #1a7f4b; --tint: {{ "#e9f6ef" if result.ok else "#fdecea" }};
  --tone: {{ "var(--good)" if result.ok else "var(--bad)" }}; }
* { box-sizing: border-box; }
body { margin: 0; background: #f6f7f9; color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
header { background: var(--tint); border-left: 6px solid var(--tone); border-radius: 6px;
  padding: 1rem 1.25rem; }
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; color: var(--tone); }
header p { margin: .35rem 0 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.25rem 0 .6rem; }
h2 small, .soft { color: var(--soft); font-weight: normal; font-size: .875rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem;
  margin: 1rem 0 0; }
.tiles div { background: #fff; border: 1px solid var(--line); border-radius: 6px;
  padding: .65rem .9rem; }
.tiles dt { color: var(--soft); font-size: .8125rem; }
.tiles dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.tiles dd.bad { color: var(--bad); }
code { font: .875em/1.4 ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere; }
details { background: #fff; border: 1px solid var(--line); border-radius: 6px;
  margin: .5rem 0; }
summary { cursor: pointer; padding: .6rem .9rem; display: flex; gap: .25rem 1rem; flex-wrap: wrap;
  align-items: baseline; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary::before { content: "▸"; color: var(--soft); width: .6rem; }
details[open] > summary::before { content: "▾"; }
summary b { flex: 1; min-width: 12rem; }
summary:focus-visible { outline: 2px solid #2f6fde; outline-offset: 2px; }
summary span { color: var(--bad); font-variant-numeric: tabular-nums; white-space: nowrap; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; background: #fff; }
details .wide { border: 0; border-top: 1px solid var(--line); border-radius: 0 0 6px 6px; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { text-align: left; padding: .4rem .9rem; border-top: 1px solid var(--line);
  vertical-align: top; }
thead th { border-top: 0; color: var(--soft); font-weight: 600; white-space: nowrap; }
.examples td { white-space: nowrap; font-variant-numeric: tabular-nums; }
.examples .about { background: #fff6f5; }
td.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th.n { text-align: right; }
.mark { white-space: nowrap; font-weight: 600; }
.mark.bad { color: var(--bad); } .mark.good { color: var(--good); }
.null { color: var(--soft); font-style: italic; }
@media (max-width: 40rem) {
  .rules thead { display: none; }
  .rules tr { display: grid; grid-template-columns: 5rem 1fr auto; gap: 0 .75rem;
    padding: .5rem .9rem; border-top: 1px solid var(--line); }
  .rules tr:first-child { border-top: 0; }
  .rules td { border: 0; padding: 0; }
  .rules td.found { grid-column: 2 / 4; color: var(--soft); }
  .rules td[data-is]::before { content: attr(data-is) " "; }
}
@media print { body { background: #fff; } details { break-inside: avoid; } }
</style>
</head>
<body>
<main>
<header>
<h1>{{ "The contract holds" if result.ok else "The contract is broken" }}</h1>
<p>{{ headline }}</p>
<p class="soft">{{ result.where }}</p>
</header>
<dl class="tiles">
<div><dt>rows</dt><dd>{{ "{:,}".format(result.rows) }}</dd></div>
<div><dt>bad rows</dt><dd{% if result.too_many_bad %} class="bad"{% endif %}>
{{- "{:,}".format(result.bad_rows) }}</dd></div>
<div><dt>share of bad rows, at most {{ percent(result.max_bad_share) }}</dt>
<dd{% if result.too_many_bad %} class="bad"{% endif %}>{{ percent(result.bad_share) }}</dd></div>
<div><dt>rules that hold</dt>
<dd>{{ result.rules | rejectattr("broken") | list | length }} of
{{ result.rules | length }}</dd></div>
</dl>
{% if tables %}
<h2>The table as a whole <small>every rule must hold</small></h2>
<div class="wide"><table class="rules"><thead><tr><th></th><th>rule</th>
<th>expected</th><th>found</th></tr></thead><tbody>
{% for rule in tables %}<tr>
{{ mark(rule.broken) }}
<td><code>{{ rule.rule }}</code></td><td class="found" data-is="expected">{{ rule.expected }}</td>
<td class="found" data-is="found">{{ rule.found }}</td></tr>
{% endfor %}</tbody></table></div>
{% endif %}
{% if broken %}
<h2>Rules that rows break <small>most rows first; at most {{ most }} examples each</small></h2>
{% for rule in broken %}
<details{% if loop.index <= 5 %} open{% endif %}>
<summary><b><code>{{ rule.rule }}</code></b>
<span>{{ "{:,}".format(rule.rows_broken) }} {{ "row" if rule.rows_broken == 1 else "rows" }}
· {{ percent(rule.share) }}</span></summary>
<div class="wide"><table class="examples"><thead><tr>
{%- for name in rule.examples[0] %}<th>{{ name }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rule.examples %}<tr>{% for name, value in row.items() -%}
<td{% if name in about[rule.rule] %} class="about"{% endif %}>
{%- if value is none %}<span class="null">null</span>{% else %}{{ visible(value) }}{% endif %}</td>
{%- endfor %}</tr>
{% endfor %}</tbody></table></div>
</details>
{% endfor %}
{% endif %}
<h2>Every row rule <small>{{ rows | length }} in all</small></h2>
<div class="wide"><table class="rules"><thead><tr><th></th><th>rule</th><th class="n">bad rows</th>
<th class="n">share</th></tr></thead><tbody>
{% for rule in rows %}<tr>
{{ mark(rule.broken) }}
<td><code>{{ rule.rule }}</code></td><td class="n">{{ "{:,}".format(rule.rows_broken) }}</td>
<td class="n found">{{ percent(rule.share) if rule.broken }}</td></tr>
{% endfor %}</tbody></table></div>
</main>
</body>
</html>
"""
