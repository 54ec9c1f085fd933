"""Where a night lies in an input of files: a folder ``day=2024-03-01``, or a name of one's own.

Without a placeholder, the nights are folders below the path, each named after the partition column.
With one, such as ``incoming/parcels-{night}.csv``, a night is a file of that name, or a folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote

from assay.project.params.inputs import NIGHT_IN_PATH


@dataclass(frozen=True)
class NightNames:
    """The folder that holds all nights, and the text around a night's value in their names.

    ``column`` is that of the partition if the nights are folders named after it, else None.
    """

    folder: str
    before: str
    after: str
    column: str | None

    @classmethod
    def of(cls, path: str, column: str) -> NightNames:
        """The names below an address without a trailing slash."""
        if NIGHT_IN_PATH not in path:
            return cls(path, f"{column}=", "", column)
        folder, _, last = path.rpartition("/")
        before, _, after = last.partition(NIGHT_IN_PATH)
        return cls(folder, before, after, None)

    @property
    def expected(self) -> str:
        """What lies in the folder, for errors."""
        if self.column is not None:
            return f"folders {self.before}..."
        return f"files {self.before}{NIGHT_IN_PATH}{self.after}"

    def name(self, value: str) -> str:
        """The name of a night's folder or file."""
        shown = value if self.column is None else quote(value, safe=" ")
        return f"{self.before}{shown}{self.after}"

    def values(self, names: Iterable[str]) -> tuple[str, ...]:
        """The nights among names in the folder, sorted as text."""
        around = len(self.before) + len(self.after)
        found = (
            name[len(self.before) : len(name) - len(self.after)]
            for name in names
            if name.startswith(self.before)
            and name.endswith(self.after)
            and len(name) > around
            and name[0] not in "._"
        )
        return tuple(sorted(each if self.column is None else unquote(each) for each in found))
