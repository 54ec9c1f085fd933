"""Fitted scikit-learn models compiled to arrays, and scored without scikit-learn.

A model is compiled when its bundle is made, and the compiled model is used only if it gives
scikit-learn's own scores (`compile_and_compare`). The bundle holds arrays, never code; the loops
over them are compiled to machine code where the model scores (`assay.columns.kernels`).

=====================  ==========================================================
``fitted_model``       the pipeline, and scikit-learn's scores of it
``read_*``             read fitted scikit-learn objects into our own forms
``columns``, ``forest``  those forms: encoded columns, trees
``plan_*``             convert the forms to memory layouts made for speed
``scan``, ``walk``, ``linear``  the layouts, and how they score a block of rows
``kernels_*``          the loops
``inputs``, ``ranks``, ``post_transform``  input encoding, ranking, link and calibration
``equivalence``, ``edge_cases``  the comparison with scikit-learn
=====================  ==========================================================
"""

from __future__ import annotations

from assay.compiled.equivalence import EquivalenceResult, compile_and_compare
from assay.compiled.scorer import CompiledModel

__all__ = ["CompiledModel", "EquivalenceResult", "compile_and_compare"]
