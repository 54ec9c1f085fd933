"""A project with a promoted bundle, made without training."""

from __future__ import annotations

from tests.monitored import empty_project, other_task, params_text, project, promote_once

__all__ = ["empty_project", "other_task", "params_text", "project", "promote_once"]
