"""A promoted model as a file for machines without Python: C, or ONNX.

Both are written from the compiled model, and appear only after they gave its own scores on the rows
on which a translation is most likely to be wrong (`hard_rows`).

====================  =========================================================
``command``           the version, what is refused, and the folder
``flat``              the compiled model as flat tables, the same for C and ONNX
``rules``             the contract's checks that a file can hold
``hard_rows``         the rows of the comparison, and what they must give
``c_source``          writes C; ``parts/`` has its loop
``c_check``           compiles and runs it
``onnx_graph``        writes ONNX (``onnx_*`` its parts); ``onnx_check`` runs it
====================  =========================================================
"""
