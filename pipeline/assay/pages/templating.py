"""Pages and configuration files: their Jinja templates with shared filters, and one file of all."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING, Any

import markupsafe
import numpy as np
from markupsafe import Markup

from assay.errors import AssayError
from assay.pages.letters import share_bar
from assay.project import text
from assay.project.extras import is_installed
from assay.project.text import (
    counted,
    escape_controls,
    format_count,
    format_fixed,
    format_percent,
    format_short,
    mark_blanks,
)

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.runtime import Context

_DIGEST = re.compile(r"(?P<kind>\w+:)?[0-9a-f]{13,}")
_SHOWN = 12
"""Hexadecimal digits of a digest that a page shows; the rest is revealed on demand."""


def render(template: str, **facts: Any) -> Markup:
    """Render a template of ``pages/templates/`` with its facts, all of them escaped."""
    return Markup(_environment().get_template(template).render(facts))


def escape(text: Any) -> Markup:
    """The text as HTML with its control characters made visible; markup stays as it is."""
    return markupsafe.escape(_visible(text))


def _visible(value: Any) -> Any:
    foreign = isinstance(value, str) and not isinstance(value, Markup)
    return escape_controls(value, keep="\n") if foreign else value


@dataclass(frozen=True)
class MarkdownPart:
    """A part of a Markdown text. ``weight`` 0 always stays; the largest is left out first."""

    title: str
    text: str
    weight: int


def render_markdown_parts(
    template: str, filters: Mapping[str, Callable[..., Any]], **facts: Any
) -> list[MarkdownPart]:
    """Render a Markdown template whose parts each begin with ``part(title, weight)``.

    Every value is escaped as prose for one line, also for code hosts, whose references and commands
    do nothing; ``code`` makes a code span. Unless the fact ``whole`` is true, long values are cut.

    Parameters
    ----------
    filters
        Of this template, besides the shared ones.
    """
    made = _markdown_environment()
    made.filters.update(filters)
    text = made.get_template(template).render(facts)
    parts = []
    for each in text.split(_PART)[1:]:
        title, weight, body = each.split(_WITHIN, 2)
        words = re.sub(r"\n{3,}", "\n\n", body).strip("\n")
        if words:
            parts.append(MarkdownPart(title, words, int(weight)))
    return parts


_PART, _WITHIN = "\x00", "\x01"
"""Control characters, which no escaped value has in it."""


def _limit(context: Context, most: int) -> int:
    return sys.maxsize if context["whole"] else most


@cache
def _markdown_environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context

    @pass_context
    def prose(context: Context, value: Any, most: int = 300, none: str | None = None) -> Markup:
        if isinstance(value, Markup):
            return value
        # A cell that is empty is no text that cannot be seen.
        empty = none is not None and value in (None, "")
        return Markup(none if empty else text.prose(str(value), _limit(context, most)))

    @pass_context
    def code(context: Context, value: str, most: int = 120, cell: bool = False) -> Markup:
        return Markup(text.code(value, _limit(context, most), cell=cell))

    def part(title: str, weight: int) -> Markup:
        return Markup(f"{_PART}{title}{_WITHIN}{weight}{_WITHIN}")

    environment = Environment(
        loader=PackageLoader("assay.pages"),
        # So that macros and blocks give markup, which is not escaped a second time.
        autoescape=True,
        finalize=prose,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["part"] = part
    environment.filters.update(
        prose=prose,
        code=code,
        # A line of a fenced block and a link's address: nothing in them is from data.
        command=lambda text: Markup(escape_controls(text)),
        address=lambda text: Markup(escape_controls(text)),
        capital=lambda text: f"{text[:1].upper()}{text[1:]}",
        bar=share_bar,
        count=format_count,
        counted=counted,
        fixed=format_fixed,
        percent=format_percent,
        share_of=lambda hits, rows: format_percent(hits / rows) if rows else "none",
        short=format_short,
    )
    return environment


class Quoted(str):
    """A text that is quoted for the place where it stands in a configuration file."""

    __slots__ = ()


def render_config(
    package: str, template: str, filters: Mapping[str, Callable[..., Quoted]], **facts: Any
) -> str:
    """Render a configuration file from ``package``'s folder ``templates``.

    Such a file has a syntax of its own, often several (a shell's command in YAML). So nothing is
    escaped by default: a value that none of ``filters`` has quoted is refused.

    Raises
    ------
    TypeError
        The template writes a value that is neither `Quoted` nor a whole number.
    """
    made = _config_environment(package)
    made.filters.update(filters)
    return made.get_template(template).render(facts)


@cache
def _config_environment(package: str) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(package),
        autoescape=False,
        undefined=StrictUndefined,
        finalize=_only_quoted,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )


def _only_quoted(value: Any) -> Any:
    if isinstance(value, Quoted) or type(value) is int:
        return value
    raise TypeError(f"not quoted for the file that it is written to: {value!r}")


@cache
def _environment() -> Environment:
    # Imported here to keep `assay --help` fast.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("assay.pages"),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Installed templates do not change while a process runs.
        auto_reload=False,
    )
    environment.filters.update(
        count=format_count,
        counted=counted,
        fixed=format_fixed,
        percent=format_percent,
        short_digest=short_digest,
        visible=mark_blanks,
    )
    return environment


def short_digest(value: str) -> str:
    """The first digits of a long digest; empty for anything else.

    >>> short_digest("sha256:" + "0123456789abcdef" * 4)
    'sha256:0123456789ab'
    >>> short_digest("unknown")
    ''
    """
    match = _DIGEST.fullmatch(value)
    return "" if match is None else value[: len(match["kind"] or "") + _SHOWN]


# --------------- compose one HTML file: Assay's section first, then the document of another library
# Evidently saves a whole document with embedded scripts. The content of its head and body is put
# into Assay's base template, whose Content Security Policy blocks all network access.

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
    """What stands in Evidently's place: ``why``, escaped unless it is markup, after "because"."""
    cause = escape(why)
    return (
        f"<html><head></head><body><p>Evidently's part is left out, because {cause}. Nothing above "
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
    while match := _DATA.search(document, end):
        start = match.end()
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
