"""A project with a promoted bundle, made without training."""

from __future__ import annotations

from tests.monitor.conftest import empty_project, project

__all__ = ["empty_project", "project"]
