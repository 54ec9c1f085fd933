"""What becomes of published nights: drift, incidents, performance, pages."""
