"""Model registry: versions, stages, promotion, rollback, and the bundle that a run scores with."""
