"""The Jinja templates of all pages and configuration files, and their shared filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import markupsafe
from markupsafe import Markup

from assay.project.text.number_format import counted, format_count, format_fixed, format_percent
from assay.project.text.quoting import escape_controls, mark_blanks

if TYPE_CHECKING:
    from jinja2 import Environment

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
