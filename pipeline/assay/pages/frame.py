"""One HTML file of two parts: our answer first, then what another library drew.

The other library (Evidently) saves a whole document with its scripts inside. Ours is put at
the start of its body, with a policy in its head that keeps the page from any network.
"""

from __future__ import annotations

import json
import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from html import escape
from io import StringIO

import numpy as np

from assay.errors import AssayError

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "font-src data:; img-src data: blob:; form-action 'none'; base-uri 'none'"
)
"""What a browser lets the page do: nothing that needs a network."""

NOTHING_MORE = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="UTF-8"></head>\n<body></body></html>\n'
)


def compose(title: str, section: str, theirs: str = NOTHING_MORE) -> str:
    """``theirs``, a whole document, with our title, policy and section put in front.

    Parameters
    ----------
    title
        Text; it is escaped.
    section
        HTML for the start of the body.

    Raises
    ------
    AssayError
        ``theirs`` has no plain head and body to put ours into.
    """
    before, head, rest = defused(theirs).partition("<head>")
    between, body, after = rest.partition("<body>")
    if not head or not body:
        raise AssayError(
            "Evidently wrote a page of another form than Assay knows",
            expected="one <head> and one <body>",
            mend="Install a version of evidently that pyproject.toml allows.",
        )
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    named = f"<title>{escape(title)}</title>"
    return f'{before}{head}{policy}{named}{between}<body style="margin:0">\n{section}{after}'


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
