"""Fixtures for tests of tables."""

from tests.postgres import running_postgres, server  # noqa: F401
