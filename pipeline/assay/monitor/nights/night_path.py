"""Where a night's page and document lie. Loads nothing: most commands need only this of a night."""

from __future__ import annotations

from urllib.parse import quote

from assay.project import layout


def night_path(partition: str, suffix: str) -> str:
    """The path of a night's page (``.html``) or document (``.json``), relative to the root."""
    return f"{layout.NIGHTS}/{quote(partition, safe=' ')}{suffix}"
