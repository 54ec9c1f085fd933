"""Writes a new project from a table: contract, policy, stages, tests and workflows."""
