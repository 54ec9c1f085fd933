"""Model performance: estimated without labels, measured with labels, and when to retrain."""
