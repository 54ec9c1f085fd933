"""Compose one HTML file: Assay's section first, then the document of another library.

Evidently saves a whole document with embedded scripts. The content of its head and body is put into
Assay's base template, whose Content Security Policy blocks all network access.
"""

from __future__ import annotations

import json
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO

import numpy as np
from markupsafe import Markup

from assay.errors import AssayError
from assay.pages.templating import escape, render
from assay.project.extras import is_installed

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "font-src data:; img-src data: blob:; form-action 'none'; base-uri 'none'"
)
"""The page's Content Security Policy: nothing that needs a network."""

NOTHING_MORE = "<html><head></head><body></body></html>"

NOT_INSTALLED = Markup(
    "it is not installed where this page was written: <code>pip install 'assay[evidently]'</code>"
)
"""Why a page lacks Evidently's part, where there is no Evidently."""

_META = re.compile(r"\s*<meta [^>]*>")
_HEADING = re.compile(r'<h2 id="([\w-]+)">(.*?)(?:<small>.*?)?</h2>', re.DOTALL)


def without_evidently(why: str) -> str:
    """What stands in Evidently's place on a page that is written without it.

    Parameters
    ----------
    why
        Text, which is escaped unless it is markup; it ends the sentence that begins with "because".
    """
    told = escape(why)
    return (
        f"<html><head></head><body><p>Evidently's part is left out, because {told}. Nothing above "
        "depends on it.</p></body></html>"
    )


def evidently_document(draw: Callable[[], str]) -> str:
    """Evidently's own document; where it is not installed or fails, what stands in its place.

    The rest of a page is whole without it, so no fault of Evidently's ends a command.
    """
    if not is_installed("evidently"):
        return without_evidently(NOT_INSTALLED)
    try:
        with suppress_output():
            return draw()
    except Exception as error:
        return without_evidently(f"it ended with {type(error).__name__}: {error}")


def compose_page(
    title: str,
    main: str,
    theirs: str = NOTHING_MORE,
    links: Sequence[tuple[str, str]] = (),
) -> str:
    """Build one file from the base template, Assay's part and the body of ``theirs``.

    Parameters
    ----------
    title
        Text; it is escaped.
    main
        HTML from Assay's own template.
    theirs
        A whole document of another library.
    links
        Links to other pages: address and name.

    Raises
    ------
    AssayError
        ``theirs`` has no plain head and body.
    """
    _, opened, rest = escape_script_data(theirs).partition("<head>")
    head, closed, rest = rest.partition("</head>")
    _, begun, rest = rest.partition("<body>")
    body, ended, _ = rest.rpartition("</body>")
    if not (opened and closed and begun and ended):
        raise AssayError(
            "Evidently wrote a page of another form than Assay knows",
            expected="one <head> and one <body>",
            fix="Install a version of evidently that pyproject.toml allows.",
        )
    # The base template has these meta tags already; duplicates would be invalid HTML.
    start = min(
        (at for at in map(head.find, ("<style", "<script", "<link")) if at >= 0), default=len(head)
    )
    head = _META.sub("", head[:start]) + head[start:]
    page = render(
        "base.html",
        title=title,
        policy=Markup(POLICY),
        main=Markup(main),
        headings=[(name, Markup(words.strip())) for name, words in _HEADING.findall(main)],
        links=links,
        head=Markup(head),
        body=Markup(body),
    )
    return str(page)


_DATA = re.compile(r"\bvar (?:additional_graphs_)?metric_[0-9a-f]{32} = (?=\{)")


def escape_script_data(document: str) -> str:
    """Evidently's document, with every ``<`` in its scripts' data escaped.

    Evidently writes data into a script unescaped. A category named ``</script>`` would end the
    script, and the browser would run what follows (cross-site scripting).
    """
    parts, end = [], 0
    while found := _DATA.search(document, end):
        start = found.end()
        parts.append(document[end:start])
        # Only parsing finds the end of the data, because it may contain anything.
        _, end = json.JSONDecoder().raw_decode(document, start)
        parts.append(document[start:end].replace("<", "\\u003c"))
    return "".join([*parts, document[end:]])


@contextmanager
def suppress_output() -> Iterator[None]:
    """Suppress another library's output, logging and telemetry.

    Its warnings are about its own internals, and Assay's users cannot fix them.
    """
    tracked, quiet = os.environ.get("DO_NOT_TRACK"), logging.root.manager.disable
    os.environ["DO_NOT_TRACK"] = "1"
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
            redirect_stdout(StringIO()),
            redirect_stderr(StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(quiet)
        if tracked is None:
            del os.environ["DO_NOT_TRACK"]
        else:
            os.environ["DO_NOT_TRACK"] = tracked
