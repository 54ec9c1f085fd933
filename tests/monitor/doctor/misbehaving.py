"""Stands in for `assay.monitor.doctor.probe_process`: checks that end badly, by their names."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

if __name__ == "__main__":
    name, target = sys.argv[1], Path(sys.argv[2])
    if name == "hangs":
        child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        Path(os.environ["PIDS"]).write_text(f"{os.getpid()} {child.pid}")
        threading.Event().wait()
    if name == "crashes":
        os.abort()
    if name == "complains":
        sys.exit("first\nlast words")
    if name == "lies":
        target.write_text("[]")
