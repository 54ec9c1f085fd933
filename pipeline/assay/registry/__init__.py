"""Versions and stages: promotion, rollback, and which bundle a night takes."""
