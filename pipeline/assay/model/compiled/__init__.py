"""Fitted scikit-learn models compiled to arrays, and scored without scikit-learn.

A model is compiled when its bundle is made, and the compiled model is used only if it gives
scikit-learn's own scores (`prove`). The bundle holds arrays, never code; the loops over them are
compiled to machine code where the model scores (`assay.columns.kernels`).

=====================  ==========================================================
``read_*``             read fitted scikit-learn objects into our own forms
``columns``, ``forest``  those forms: encoded columns, trees
``plan_*``             convert the forms to memory layouts made for speed
``scan``, ``walk``, ``linear``  the layouts, and how they score a block of rows
``kernels_*``          the loops
``inputs``, ``ranks``, ``finish``  input encoding, ranking, link and calibration
``proof``, ``hard_rows``  the comparison with scikit-learn
=====================  ==========================================================
"""

from __future__ import annotations

from assay.model.compiled.proof import Proof, prove
from assay.model.compiled.scorer import Compiled

__all__ = ["Compiled", "Proof", "prove"]
