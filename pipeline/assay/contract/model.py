"""What a contract is, as plain frozen values. Knows nothing of files, Arrow or pandas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from dataclasses import field as value
from enum import Enum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pandera.api.checks import Check

Kind = Literal["integer", "float", "string", "boolean", "timestamp"]
Test = Literal["not null", "finite", "check"]

NUMERIC: frozenset[Kind] = frozenset({"integer", "float", "boolean"})


class Role(Enum):
    """What a field is for. A field may have several."""

    KEY = "key"
    FEATURE = "feature"
    LABEL = "label"
    TIME = "time"
    SLICE = "slice"
    SENSITIVE = "sensitive"


@dataclass(frozen=True)
class Rule:
    """One thing that every row must satisfy.

    Parameters
    ----------
    name
        What reports and quarantined rows call it, such as ``distance: greater_than(0)``;
        no two rules of a contract share one.
    test
        ``not null`` and ``finite`` are built in, ``check`` calls ``check``.
    columns
        The columns a reader has to see to understand an offending row.
    column
        The column that is tested; None for a rule over the whole row.
    line
        Where the contract file says so.
    reads
        All columns that the check can read; None if that is not known.
    rowwise
        Whether a row's answer is known to depend on the values of that row in ``reads`` alone.
    """

    name: str
    test: Test
    columns: tuple[str, ...]
    column: str | None
    line: int
    check: Check | None = None
    reads: tuple[str, ...] | None = None
    rowwise: bool = False


@dataclass(frozen=True)
class Field:
    """One column of the table."""

    name: str
    roles: tuple[Role, ...]
    kind: Kind
    nullable: bool
    line: int
    description: str = ""
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Contract:
    """What one row must look like. Equal when read from the same text.

    A contract can be pickled: it travels as the text it was read from and is read again on
    the other side, so a Spark worker runs exactly the checks that the driver knows.

    Parameters
    ----------
    name
        Of the model's class.
    file
        What errors call the contract file.
    label
        The label's column. It stays known in ``without_label()``, whose fields lack it.
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
        return self._having(Role.SLICE)

    @property
    def sensitive(self) -> tuple[str, ...]:
        return self._having(Role.SENSITIVE)

    @property
    def numeric(self) -> tuple[str, ...]:
        """Features that are integer, float or boolean."""
        return self._features_of(lambda kind: kind in NUMERIC)

    @property
    def categorical(self) -> tuple[str, ...]:
        """Features that are strings."""
        return self._features_of(lambda kind: kind == "string")

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all fields, in the order of the contract file."""
        return tuple(each.name for each in self.fields)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Field by field in the order of the contract file, then the rules over whole rows."""
        return (*(rule for each in self.fields for rule in each.rules), *self.frame_rules)

    @property
    def row_rules(self) -> tuple[str, ...]:
        """The names of ``rules``, in the same order."""
        return tuple(rule.name for rule in self.rules)

    def field(self, name: str) -> Field:
        """The field called ``name``; KeyError when there is none."""
        for each in self.fields:
            if each.name == name:
                return each
        raise KeyError(name)

    def without_label(self) -> Contract:
        """The contract as it holds at scoring time, when the label is not known yet.

        The label's column and its column checks are left out. Rules over whole rows all stay:
        one that reads the label is refused when the contract is loaded.
        """
        return replace(
            self,
            fields=tuple(each for each in self.fields if each.name != self.label),
            has_label=False,
        )

    def _having(self, role: Role) -> tuple[str, ...]:
        return tuple(each.name for each in self.fields if role in each.roles)

    def _features_of(self, wanted: Callable[[Kind], bool]) -> tuple[str, ...]:
        return tuple(
            each.name for each in self.fields if Role.FEATURE in each.roles and wanted(each.kind)
        )
