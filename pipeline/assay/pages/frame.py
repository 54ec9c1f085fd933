"""One HTML file of two parts: our answer first, then what another library drew.

The other library (Evidently) saves a whole document with its scripts inside. What its head and
body hold goes into our base template, whose policy keeps the page from any network.
"""

from __future__ import annotations

import json
import logging
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO

import numpy as np
from markupsafe import Markup

from assay.errors import AssayError
from assay.pages.templating import render

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "font-src data:; img-src data: blob:; form-action 'none'; base-uri 'none'"
)
"""What a browser lets the page do: nothing that needs a network."""

NOTHING_MORE = "<html><head></head><body></body></html>"

_META = re.compile(r"\s*<meta [^>]*>")
_HEADING = re.compile(r'<h2 id="([\w-]+)">(.*?)(?:<small>.*?)?</h2>', re.DOTALL)


def compose(
    title: str, main: str, theirs: str = NOTHING_MORE, links: Sequence[tuple[str, str]] = ()
) -> str:
    """One file from the base template: what is ours, then what ``theirs`` has in its body.

    Parameters
    ----------
    title
        Text; it is escaped.
    main
        HTML that our own template made.
    theirs
        A whole document of another library's.
    links
        Other pages to lead to: address and name.

    Raises
    ------
    AssayError
        ``theirs`` has no plain head and body to take.
    """
    _, opened, rest = defused(theirs).partition("<head>")
    head, closed, rest = rest.partition("</head>")
    _, begun, rest = rest.partition("<body>")
    body, ended, _ = rest.rpartition("</body>")
    if not (opened and closed and begun and ended):
        raise AssayError(
            "Evidently wrote a page of another form than Assay knows",
            expected="one <head> and one <body>",
            mend="Install a version of evidently that pyproject.toml allows.",
        )
    # The base template says its character set and width: a second time would be wrong HTML.
    start = min((at for at in map(head.find, ("<style", "<script")) if at >= 0), default=len(head))
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


def defused(document: str) -> str:
    """Evidently's document, with no ``<`` left in the data of its scripts.

    Evidently writes data into a script as it is. A category that is called ``</script>`` would end
    the script there, and what follows it would be run by whoever opens the page.
    """
    parts, end = [], 0
    while found := _DATA.search(document, end):
        start = found.end()
        parts.append(document[end:start])
        # Where the data ends can only be told by reading it: it may hold anything.
        _, end = json.JSONDecoder().raw_decode(document, start)
        parts.append(document[start:end].replace("<", "\\u003c"))
    return "".join([*parts, document[end:]])


@contextmanager
def silenced() -> Iterator[None]:
    """Nothing of another library's on the terminal or on the network.

    Its warnings are about its own internals and cannot be mended by who runs Assay.
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
