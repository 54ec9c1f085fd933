"""The modules that model tests may import from the project: those that are evidence.

Every other import looks only at what is installed. So a file of the project that an installed
package looks for by chance is never run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from assay.gate.pytest_run import declared_tests
from assay.project import source_code

OPTION = "--assay-own"
_COLLECTED = (*declared_tests.FILES, "conftest.py", "__init__.py")
"""Files that pytest imports by itself, whatever else has their name."""


def importable_names(root: Path, tests: str) -> list[str]:
    """Top-level names that may be imported from the project: of its tests and what they import.

    Raises
    ------
    PluginError
        One of them is also the name of an installed module.
    """
    # Pytest loads this module in every project, so pydantic is imported only when needed.
    from assay.project import digests

    files = digests.model_tests(root, tests)
    own = source_code.find_dependencies(source_code.file_reader(root), (), files)
    imported = source_code.module_paths(path for path in own if path not in files)
    # Pytest puts the folder of a test on the path: a test may import its neighbours by their names.
    near = {
        path.stem: str(path)
        for path in map(PurePosixPath, files)
        if not any(path.match(each) for each in _COLLECTED)
    }
    source_code.refuse_installed_names(imported | near)
    parts = (part for path in files for part in PurePosixPath(path).with_suffix("").parts)
    return sorted({*parts, *(name.partition(".")[0] for name in imported)})


class OwnModulesFinder(MetaPathFinder):
    """Finds modules as Python does, but those of the project only by the names that are allowed."""

    def __init__(self, root: Path, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        self.folders = (str(root), str(root / "src"))
        self.root = root

    def install(self) -> None:
        """Take the place of Python's own finder of files."""
        sys.meta_path[sys.meta_path.index(PathFinder)] = self

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None and fullname in self.names:
            path = [*self.folders, *sys.path]
        elif path is None:
            path = source_code.without_project(sys.path, self.root)
        return PathFinder.find_spec(fullname, path, target)

    def find_distributions(self, *context: Any) -> Iterable[Any]:
        return PathFinder.find_distributions(*context)

    def invalidate_caches(self) -> None:
        PathFinder.invalidate_caches()
