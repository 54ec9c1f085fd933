"""What a person can do about a run that is held, each step with its command. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HeldStep:
    """One thing to do, in words that a colon and the command may follow."""

    words: str
    command: str


def held_steps(partition: str, run_id: str, any_refused: bool) -> tuple[HeldStep, ...]:
    """The steps for a held run, in the order in which a person takes or skips them.

    Parameters
    ----------
    any_refused
        Whether rows of the run are in quarantine. A run can be held for other reasons, such as its
        number of rows; then there are no rows to look at.
    """
    look = HeldStep("look at its refused rows", f"assay quarantine show --run {run_id}")
    return (
        *((look,) if any_refused else ()),
        HeldStep(
            "fix the input and score the night again",
            f"assay score --date {shlex.quote(partition)}",
        ),
        HeldStep("or publish it as it is", f"assay release {run_id} --because WHY"),
    )


def step_words(steps: Iterable[HeldStep]) -> str:
    """The steps as one line of text.

    Examples
    --------
    >>> step_words(held_steps("2013-07-01", "r1", any_refused=False)[1:])
    'or publish it as it is: assay release r1 --because WHY'
    """
    return "; ".join(f"{each.words}: {each.command}" for each in steps)


def step_sentence(partition: str, run_id: str, any_refused: bool) -> str:
    """The steps as a sentence, for an error's next step."""
    words = step_words(held_steps(partition, run_id, any_refused))
    return words[0].upper() + words[1:]
