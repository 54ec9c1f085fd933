"""Incidents and alerts: written to files, and sent to a webhook if one is configured."""
