"""Alerts out: files always, and a webhook where one is configured; nothing is lost."""
