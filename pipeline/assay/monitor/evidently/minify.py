"""Make pages smaller: remove what Evidently writes twice or needlessly, most of a page's data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evidently.legacy.model.widget import BaseWidgetInfo

_LONG = re.compile(r"(?<=[\[ ,:])-?\d+\.\d{7,}(?:e-?\d+)?(?=[,\]}])")


def minify_widget(widget: BaseWidgetInfo) -> None:
    """Shrink a widget in place that only a page needs.

    Evidently writes the charts of expandable rows apart from their tables, and those of a grouped
    table a second time inside the group. Each of its charts also holds plotly's default style, 7
    kB.
    """
    graphs = widget.get_additional_graphs()
    for inner in widget.widgets:
        _forget(inner)
    widget.additionalGraphs = graphs
    for graph in graphs:
        _plain(getattr(graph, "layout", None) and {"layout": graph.layout})
        _plain(getattr(graph, "params", None))
    _plain_inside(widget)


def _forget(widget: BaseWidgetInfo) -> None:
    widget.additionalGraphs = []
    for inner in widget.widgets:
        _forget(inner)


def _plain_inside(widget: BaseWidgetInfo) -> None:
    _plain(widget.params)
    for inner in (*widget.widgets, *(tab.widget for tab in widget.tabs)):
        _plain_inside(inner)


def _plain(node: Any) -> None:
    """Remove the style of every chart in ``node``."""
    if isinstance(node, dict):
        layout = node.get("layout")
        if isinstance(layout, dict):
            layout.pop("template", None)
        for value in node.values():
            _plain(value)
    elif isinstance(node, list | tuple):
        for value in node:
            _plain(value)


def round_numbers(document: str) -> str:
    """Round plotted numbers to six digits, which is invisible and saves 200 kB a page.

    Only Evidently's data is changed, which comes before its library.
    """
    data, library, rest = document.partition("<script>var global")
    return _LONG.sub(lambda number: f"{float(number[0]):.6g}", data) + library + rest
