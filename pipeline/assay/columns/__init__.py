"""Column profiles: grids, counts, sketches, distances, and the reference."""
