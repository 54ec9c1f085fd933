"""LightGBM's wheel asks the machine for OpenMP, which it may lack; scikit-learn's wheel brings one.

A copy under the name that LightGBM asks for is loaded before any test, and the machine's is not
looked for.
"""

from __future__ import annotations

import ctypes
import sys
import tempfile
from importlib.metadata import files

ASKED = b"libgomp.so.1"

if sys.platform == "linux":
    for library in files("scikit-learn") or ():
        if not library.name.startswith("libgomp"):
            continue
        own = library.name.encode()
        with tempfile.NamedTemporaryFile(suffix=".so") as copy:
            copy.write(library.read_binary().replace(own, ASKED.ljust(len(own), b"\0")))
            copy.flush()
            ctypes.CDLL(copy.name)
