"""Field types for estimates in a report."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer

from assay.metrics.estimate import Estimate
from assay.project.tasks import Better

Measured = Annotated[Estimate, PlainSerializer(Estimate.plain)]
Metrics = Annotated[
    Mapping[str, Measured],
    AfterValidator(MappingProxyType),
    PlainSerializer(lambda found: {name: one.plain() for name, one in found.items()}),
]
"""Metric -> estimate; immutable."""

OwnDirections = Annotated[
    Mapping[str, Better], AfterValidator(MappingProxyType), PlainSerializer(dict)
]
"""The project's own metrics in a report -> which of their values are better; immutable."""
