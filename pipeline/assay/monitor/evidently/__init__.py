"""Reports of nights and weeks: Assay's numbers, shown by Evidently beside its own on a sample."""
