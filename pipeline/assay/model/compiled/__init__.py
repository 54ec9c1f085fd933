"""Fitted scikit-learn models as pure data, scored without scikit-learn.

A model is compiled when its bundle is made, and only if it then gives what scikit-learn gives
(`prove`). What the bundle holds is arrays, never code; loops over them are machine code that
is made on the machine that scores (`assay.columns.kernels`).

=====================  ==========================================================
``read_*``             fitted objects of scikit-learn, in forms of our own
``columns``, ``forest``  those forms: encoded columns, trees
``plan_*``             the forms laid out for speed
``scan``, ``walk``, ``linear``  what is laid out, and how a block of rows is scored
``kernels_*``          the loops
``inputs``, ``ranks``, ``finish``  what comes before, and after
``proof``, ``hard_rows``  the comparison with scikit-learn
=====================  ==========================================================
"""

from __future__ import annotations

from assay.model.compiled.proof import Proof, prove
from assay.model.compiled.scorer import Compiled

__all__ = ["Compiled", "Proof", "prove"]
