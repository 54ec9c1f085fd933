"""Where a night's page and document lie. Loads nothing: most commands need only this of a night."""

from __future__ import annotations

from urllib.parse import quote

from assay.project import layout

EVIDENTLY = ".evidently.html"


def night_path(partition: str, suffix: str) -> str:
    """The path of a night's page (``.html``) or document (``.json``), relative to the root.

    Evidently's report of the night, if there is one, is `EVIDENTLY`.
    """
    return f"{layout.NIGHTS}/{quote(partition, safe=' ')}{suffix}"
