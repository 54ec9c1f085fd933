"""The versions of Spark that nights were scored with, and the Java that each was started on.

``make spark-versions`` tries them again; docs/cluster.md shows the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TRIED: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "3.5": ("3.5.9", 17),
        "4.0": ("4.0.5", 21),
        "4.1": ("4.1.4", 21),
        "4.2": ("4.2.1", 25),
        "4.3": ("4.3.0", 25),
    }
)
"""Minor version -> the release that was tried, and the newest Java that it was started on."""


def installed() -> str | None:
    """The version of pyspark, which may be a vendor's; None if there is none."""
    try:
        from pyspark.version import __version__
    except ImportError:
        return None
    return str(__version__)


def objection(version: str, java: int) -> str | None:
    """Why a night may fail with this Spark on this Java; None if they were tried."""
    minor = ".".join(version.split(".")[:2])
    if minor not in TRIED:
        return f"nights were tried with Spark {', '.join(TRIED)}, not with {minor}"
    _, newest = TRIED[minor]
    return f"Spark {minor} was not started on a Java newer than {newest}" if java > newest else None
