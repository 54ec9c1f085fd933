"""Make pages smaller: remove what Evidently writes twice or needlessly, and share its library."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from assay.errors import AssayError

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


_LIBRARY = re.compile(
    r"<script>(var global = globalThis)</script>\s*<script>(.*)</script>", re.DOTALL
)
_FONTS = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_LOST = "Evidently's part cannot be drawn: {name}, its library, has to lie beside this page."


def share_library(document: str) -> tuple[str, dict[str, str]]:
    """The document without Evidently's own library and fonts, 3.6 of its 4 MB, and their files.

    Parameters
    ----------
    document
        As Evidently writes it, with all data before the library.

    Returns
    -------
    tuple of str and dict
        The document, which asks for the files beside it; and the files' texts by their names, which
        hold a digest, so that pages of several versions of Evidently can lie in one folder.

    Raises
    ------
    AssayError
        The document has another form.
    """
    head, begun, body = document.partition("<body>")
    fonts = _FONTS.search(head)
    start = body.find("<script>var global")
    library = _LIBRARY.match(body, start, body.rfind("<script>")) if start >= 0 else None
    if not begun or fonts is None or library is None:
        raise AssayError(
            "Evidently wrote a page of another form than Assay knows",
            expected="its fonts in the head, and its library in the body",
            mend="Install a version of evidently that pyproject.toml allows.",
        )
    script = f"{library[1]};\n{library[2]}"
    code, style = _named(script, "js"), _named(fonts[1], "css")
    lost = f'<p id="lost" hidden>{_LOST.format(name=code)}</p>'
    asks = (
        f'{lost}<script src="{code}" onerror="document.getElementById(\'lost\').hidden = false">'
        "</script>"
    )
    link = f'<link rel="stylesheet" href="{style}">'
    slim = (
        f"{head[: fonts.start()]}{link}{head[fonts.end() :]}{begun}"
        f"{body[:start]}{asks}{body[library.end() :]}"
    )
    return slim, {code: script, style: fonts[1]}


def _named(text: str, kind: str) -> str:
    return f"evidently-{hashlib.sha256(text.encode()).hexdigest()[:12]}.{kind}"
