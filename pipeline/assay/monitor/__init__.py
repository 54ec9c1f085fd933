"""Monitoring of published nights: drift, incidents, model performance and report pages."""
