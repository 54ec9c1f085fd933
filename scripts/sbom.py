"""Write what a release brings, as CycloneDX: the pinned run-time packages with their hashes."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from assay.project.document import dumps, write_text
from assay.promotion.card.bom import document, packages_of

ROOT = Path(__file__).resolve().parents[1]
NAME = "assay.cdx.json"


def main(folder: Path) -> Path:
    """Write it into ``folder``; the same pins and installed packages give the same bytes."""
    target = folder / NAME
    # Pins are a flat list, so which package needs which is not known, and not claimed.
    pins = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    made = {
        "type": "library",
        "bom-ref": "assay",
        "name": project["name"],
        "version": project["version"],
        "description": project["description"],
        "licenses": [{"expression": project["license"]}],
    }
    named = f"{project['name']} {project['version']}"
    write_text(target, dumps(document(named, made, list(packages_of(pins, {})))))
    return target


if __name__ == "__main__":
    main(Path(sys.argv[1]))
