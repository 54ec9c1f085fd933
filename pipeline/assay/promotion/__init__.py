"""Promotion and rollback: what may become a version and hold a stage, and the tags that say so."""
