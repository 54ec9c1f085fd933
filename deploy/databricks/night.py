"""The entry point where a platform starts a Python file: the command line, and its exit code.

Written by `assay deploy`. An exit with 0 is left to the end of the file, because some platforms
take any SystemExit for a failure.
"""

import sys

from assay.cli.__main__ import main

if code := main(sys.argv[1:]):
    sys.exit(code)
