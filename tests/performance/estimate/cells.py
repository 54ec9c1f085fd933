"""The cells of some probabilities, as a night's profile would have them."""

from __future__ import annotations

import numpy as np

from assay.performance.estimate.decisions import ScoreCells, cells_from_histogram

EDGES = {
    cells: (*(k / cells for k in range(cells)), float(np.nextafter(1, 2))) for cells in (20, 200)
}


def cells(p: np.ndarray, number: int = 200) -> ScoreCells:
    place = np.searchsorted(EDGES[number], p, side="right")
    counts = np.bincount(place, minlength=number + 2)
    inside = np.bincount(place, p, number + 2)
    return cells_from_histogram(EDGES[number], counts.tolist(), inside.tolist(), p @ p)
