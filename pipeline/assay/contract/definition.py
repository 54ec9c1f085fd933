"""The contract as plain frozen values, independent of files, Arrow and pandas."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as value
from enum import Enum
from typing import TYPE_CHECKING, Literal, TypeVar

from assay.errors.base import MASK as MASK
from assay.errors.base import private_names
from assay.project.text import mark_blanks

if TYPE_CHECKING:
    from pandera.api.checks import Check

Kind = Literal["integer", "float", "string", "boolean", "timestamp"]
Test = Literal["not null", "finite", "check"]

TEXT_WIDTH = 500
"""A text is taken to be as large as so many numbers: 4 kB, a page and a half."""

T = TypeVar("T")

NUMERIC: frozenset[Kind] = frozenset({"integer", "float", "boolean"})
GROUPED: frozenset[Kind] = frozenset({"string", "integer", "boolean"})
"""Kinds whose values form groups."""


class Role(Enum):
    """The purpose of a field, which may have several."""

    KEY = "key"
    FEATURE = "feature"
    LABEL = "label"
    TIME = "time"
    SLICE = "slice"
    SENSITIVE = "sensitive"
    PII = "pii"
    WEIGHT = "weight"
    TEXT = "text"


@dataclass(frozen=True)
class Rule:
    """One condition that every row must satisfy.

    Parameters
    ----------
    name
        Its name in reports and quarantined rows, such as ``distance: greater_than(0)``; unique
        within a contract.
    test
        ``not null`` and ``finite`` are built in, ``check`` calls ``check``.
    columns
        The columns that reports show for an offending row.
    column
        The column that is tested; None for a rule over the whole row.
    line
        Its line in the contract file.
    reads
        All columns that the check can read; None if unknown.
    rowwise
        Whether the result for a row provably depends only on that row's values in ``reads``.
    on_arrays
        Whether the check is one expression of columns and constants (`checks.array_rules`).
    """

    name: str
    test: Test
    columns: tuple[str, ...]
    column: str | None
    line: int
    check: Check | None = None
    reads: tuple[str, ...] | None = None
    rowwise: bool = False
    on_arrays: bool = False


@dataclass(frozen=True)
class Field:
    """One column of the table.

    ``order`` has the values of an ordered category, the least first; empty if there is no order.
    ``reason`` and ``reason_code`` are what people read where the field is the reason of a score.
    """

    name: str
    roles: tuple[Role, ...]
    kind: Kind
    nullable: bool
    line: int
    description: str = ""
    rules: tuple[Rule, ...] = ()
    order: tuple[str, ...] = ()
    reason: str = ""
    reason_code: str = ""


@dataclass(frozen=True)
class Contract:
    """The rules for one row of a table. Contracts are equal if read from the same text.

    A contract is pickled as the text it was read from and read again when unpickled, so a Spark
    worker runs exactly the checks of the driver.

    Parameters
    ----------
    name
        Name of the model's class.
    file
        Name of the contract file in errors.
    label
        The label's column. It is kept by ``without_label()``, whose fields lack it.
    weight
        The column that says how much a row counts when a model is fitted, if there is one. Like the
        label it is not there at scoring time.
    code
        Path and text of the project's own modules that the file imports.
    """

    name: str = value(compare=False)
    file: str
    source: str = value(repr=False)
    fields: tuple[Field, ...] = value(compare=False)
    frame_rules: tuple[Rule, ...] = value(compare=False)
    label: str = value(compare=False)
    has_label: bool = True
    code: tuple[tuple[str, str], ...] = value(default=(), repr=False)
    weight: str | None = value(default=None, compare=False)

    @property
    def keys(self) -> tuple[str, ...]:
        return self._having(Role.KEY)

    @property
    def features(self) -> tuple[str, ...]:
        return self._having(Role.FEATURE)

    @property
    def time(self) -> str:
        return self._having(Role.TIME)[0]

    @property
    def slices(self) -> tuple[str, ...]:
        """What quality is measured by: fields with the role slice, and sensitive ones.

        A sensitive number with a fraction or a time forms no groups, and a label is not known at
        night: these are sliced only if they have the role slice too.
        """
        return tuple(
            each.name
            for each in self.fields
            if Role.SLICE in each.roles
            or (Role.SENSITIVE in each.roles and each.kind in GROUPED and each.name != self.label)
        )

    @property
    def sensitive(self) -> tuple[str, ...]:
        return self._having(Role.SENSITIVE)

    @property
    def private(self) -> tuple[str, ...]:
        """Fields that say who a person is: never shown, and kept apart in quarantine."""
        return self._having(Role.PII)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Fields whose cells are masked wherever people see some: private and sensitive ones."""
        return tuple(dict.fromkeys((*self.sensitive, *self.private)))

    @property
    def numeric(self) -> tuple[str, ...]:
        """Features that are integer, float or boolean."""
        return self._features_of(lambda kind: kind in NUMERIC)

    @property
    def categorical(self) -> tuple[str, ...]:
        """Features that are strings."""
        return self._features_of(lambda kind: kind == "string")

    @property
    def texts(self) -> tuple[str, ...]:
        """The categorical features whose values are free text, read by their words."""
        return self._having(Role.TEXT)

    @property
    def ordered(self) -> dict[str, tuple[str, ...]]:
        """The categorical features whose values have an order, with that order."""
        return {each.name: each.order for each in self.fields
                if each.order and each.name in self.categorical}  # fmt: skip

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all fields, in the order of the contract file."""
        return tuple(each.name for each in self.fields)

    @property
    def width(self) -> int:
        """How many columns of numbers a row is as large as."""
        return len(self.columns) + TEXT_WIDTH * len(self.texts)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Field by field in the order of the contract file, then the rules over whole rows."""
        return (*(rule for each in self.fields for rule in each.rules), *self.frame_rules)

    @property
    def row_rules(self) -> tuple[str, ...]:
        """The names of ``rules``, in the same order."""
        return tuple(rule.name for rule in self.rules)

    def field(self, name: str) -> Field:
        """The field called ``name``; raises KeyError if there is none."""
        for each in self.fields:
            if each.name == name:
                return each
        raise KeyError(name)

    def mask_row(self, row: Mapping[str, T]) -> dict[str, T | str]:
        """The row with its hidden cells masked; an empty one stays visible as empty."""
        return mask(row, self.hidden)

    def error_words(self, error: Exception) -> str:
        """What the project's own code raised; not its message, which may quote a private cell."""
        kind = type(error).__name__
        return (
            f"{kind}, whose message may have private values" if self.private else f"{kind}: {error}"
        )

    def without_label(self) -> Contract:
        """The contract for scoring time, when the label is not known yet, and nothing is weighted.

        The columns of label and weight and their column checks are left out. Rules over whole rows
        all stay: one that reads either is rejected when the contract is loaded.
        """
        gone = (self.label, self.weight)
        return replace(
            self,
            fields=tuple(each for each in self.fields if each.name not in gone),
            has_label=False,
        )

    def _having(self, role: Role) -> tuple[str, ...]:
        return tuple(each.name for each in self.fields if role in each.roles)

    def _features_of(self, wanted: Callable[[Kind], bool]) -> tuple[str, ...]:
        return tuple(
            each.name for each in self.fields if Role.FEATURE in each.roles and wanted(each.kind)
        )


def mask(row: Mapping[str, T], hidden: Collection[str]) -> dict[str, T | str]:
    """The row with its hidden cells masked; an empty one stays visible as empty."""
    return {
        name: MASK if name in hidden and value is not None else value for name, value in row.items()
    }


def show_key(key: Mapping[str, object], hidden: Collection[str] = ()) -> str:
    """A key as messages name it: hidden columns masked, and what the project calls private."""
    shown = mask(key, {*hidden, *private_names()})
    return ", ".join(f"{name}={mark_blanks(cell)}" for name, cell in shown.items())
