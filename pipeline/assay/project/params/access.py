"""Who may do what, in params.yaml: the section access."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from assay.project.params.messages import DeepError
from assay.project.params.values import Frozen, Section, Text

Act = Literal[
    "promote", "rollback", "release", "retract", "forget", "override", "waiver", "approve", "apply"
]
"""What changes what readers see."""
ACTS: tuple[Act, ...] = get_args(Act)

People = Annotated[tuple[Text, ...], Field(min_length=1)]
GroupName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
_NUMBERED = re.compile(r"\d+\+([^@]+@users\.noreply\.github\.com)")


def address_of(person: str) -> str:
    """The address of ``Name <address>``, in small letters: people are told apart by it.

    GitHub shows an account's address with its number and without.

    >>> address_of("Ana <12+Ana@users.noreply.github.com>")
    'ana@users.noreply.github.com'
    """
    address = person.rpartition("<")[2].rstrip(">").strip().lower()
    return _NUMBERED.sub(r"\1", address)


class Access(Section):
    """For each act the addresses of people and the groups who may; who is not named may all.

    ``default`` is for the acts that have no list of their own. With ``require_signature`` only
    versions whose tags are signed by them are used; ``allowed_signers`` is the file of their keys.
    """

    groups: Annotated[Mapping[GroupName, People], Frozen] = Field(
        default_factory=dict, validate_default=True
    )
    default: People | None = None
    promote: People | None = None
    rollback: People | None = None
    release: People | None = None
    retract: People | None = None
    forget: People | None = None
    override: People | None = None
    waiver: People | None = None
    approve: People | None = None
    apply: People | None = None
    require_signature: bool = False
    allowed_signers: Text = "allowed_signers"

    @model_validator(mode="after")
    def _known(self) -> Access:
        # A group with a typo in it would be somebody whom nobody is.
        listed = {f"groups.{name}": people for name, people in self.groups.items()}
        listed |= {act: people for act in ("default", *ACTS) if (people := getattr(self, act))}
        for key, people in listed.items():
            path, groups = key.split("."), () if "." in key else tuple(self.groups)
            for place, each in enumerate(people):
                if "@" not in each and each not in groups:
                    others = f" or a group ({', '.join(groups)})" if groups else ""
                    raise DeepError(
                        (*path, place), f"an address such as ana@example.com{others}", each
                    )
        return self

    def listed(self, act: Act) -> tuple[str, ...] | None:
        """Who may, as params.yaml says it; None for everybody."""
        own: tuple[str, ...] | None = getattr(self, act)
        return self.default if own is None else own

    def allows(self, act: Act, person: str) -> bool:
        """Whether a person may, by the address; a group's own name stands for one of it."""
        listed = self.listed(act)
        return listed is None or person in listed or address_of(person) in self.people(act)

    def people(self, act: Act) -> list[str]:
        """The addresses of all who may; none if that is everybody."""
        listed = self.listed(act) or ()
        people = (address_of(one) for each in listed for one in self.groups.get(each, (each,)))
        return list(dict.fromkeys(people))
