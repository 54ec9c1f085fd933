"""The Jinja templates of all pages and configuration files, and their shared filters."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import markupsafe
from markupsafe import Markup

from assay.pages.letters import share_bar
from assay.project import host_markdown
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
        told = re.sub(r"\n{3,}", "\n\n", body).strip("\n")
        if told:
            parts.append(MarkdownPart(title, told, int(weight)))
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
        return Markup(none if empty else host_markdown.prose(str(value), _limit(context, most)))

    @pass_context
    def code(context: Context, value: str, most: int = 120, cell: bool = False) -> Markup:
        return Markup(host_markdown.code(value, _limit(context, most), cell=cell))

    def part(title: str, weight: int) -> Markup:
        return Markup(f"{_PART}{title}{_WITHIN}{weight}{_WITHIN}")

    found = Environment(
        loader=PackageLoader("assay.pages"),
        # So that macros and blocks give markup, which is not escaped a second time.
        autoescape=True,
        finalize=prose,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.globals["part"] = part
    found.filters.update(
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
    return found


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

    found = Environment(
        loader=PackageLoader("assay.pages"),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Installed templates do not change while a process runs.
        auto_reload=False,
    )
    found.filters.update(
        count=format_count,
        counted=counted,
        fixed=format_fixed,
        percent=format_percent,
        short_digest=short_digest,
        visible=mark_blanks,
    )
    return found


def short_digest(value: str) -> str:
    """The first digits of a long digest; empty for anything else.

    >>> short_digest("sha256:" + "0123456789abcdef" * 4)
    'sha256:0123456789ab'
    >>> short_digest("unknown")
    ''
    """
    found = _DIGEST.fullmatch(value)
    return "" if found is None else value[: len(found["kind"] or "") + _SHOWN]
