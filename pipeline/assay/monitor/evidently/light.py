"""What Evidently writes into a page twice, or for nothing, is left out: it is most of its data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evidently.legacy.model.widget import BaseWidgetInfo

_LONG = re.compile(r"(?<=[\[ ,:])-?\d+\.\d{7,}(?:e-?\d+)?(?=[,\]}])")


def lighten(widget: BaseWidgetInfo) -> None:
    """Change a widget that nothing but a page needs any more.

    Pictures that unfold are written apart from their tables; of a table in a group Evidently
    writes them there too. And each picture of Evidently's own holds plotly's default style, 7 kB.
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
    """Drop the style of every picture in ``node``."""
    if isinstance(node, dict):
        layout = node.get("layout")
        if isinstance(layout, dict):
            layout.pop("template", None)
        for value in node.values():
            _plain(value)
    elif isinstance(node, list | tuple):
        for value in node:
            _plain(value)


def rounded(document: str) -> str:
    """Plotted numbers to six digits, which no eye can tell and which saves 200 kB a page.

    Only what Evidently computed is touched: it stands before its library.
    """
    data, library, rest = document.partition("<script>var global")
    return _LONG.sub(lambda number: f"{float(number[0]):.6g}", data) + library + rest
