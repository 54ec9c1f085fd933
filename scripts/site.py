"""Builds the documentation as a site to browse and search, offline: ``make docs``.

The pages are README.md, docs/ and the reports that they name, at the same places as here, so that
links work on the code host and in the site alike. Any link that leads nowhere ends the build.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "build" / "docs"
"""Where the pages are laid out; zensical.toml names it, and where the site is written."""
FILES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "params.yaml", "dvc.yaml")
FOLDERS = ("docs", "reports")
UNSEARCHED = ("docs/decisions/", "reports/", "CHANGELOG.md")
"""Whoever searches has a question of today; these are found by their links."""


def main() -> int:
    """Lay out the pages and build them; 0 if every link leads somewhere."""
    shutil.rmtree(PAGES, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *FILES, *FOLDERS],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in listed.splitlines():
        target = PAGES / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        if name.endswith(".md") and name.startswith(UNSEARCHED):
            text = target.read_text(encoding="utf-8")
            target.write_text(f"---\nsearch:\n  exclude: true\n---\n\n{text}", encoding="utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
