"""How rows are seen and counted: grids, counts, sketches, distances, the reference."""
