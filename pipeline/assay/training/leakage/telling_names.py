"""Features whose names say that they are known only with the label, or are a model's answer."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise

from assay.contract.definition import Contract
from assay.training.leakage.report import Check

ANSWERS = re.compile(r"predict(ions?|ed|s)?|preds?|y_?hat|probas?|fitted")
"""Words for a model's answer, whatever else a name says."""
AFTERWARDS = re.compile(
    r"outcomes?|scor(es?|ed|ing)|probabilit(y|ies)|probs?|forecast(ed|s)?|estimate[ds]?|likelihood"
    r"|target|label"
)
"""Words that may be known before by right, such as a credit score."""
TOTALS = frozenset({"total", "sum"})
PAST = re.compile(r"lag(ged)?|last|prev(ious)?|prior|past|before|history|historical|yesterday|ago")
LEAST_POWER = {True: 0.2, False: 0.6}
"""Share of variance, or AUC, of the best feature: below, none tells anything of the label."""
CLOSE = 1.25
"""What leaves so many times as much unexplained as the best feature is as good: bins blur."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def telling_names(
    names: Iterable[str], label: str, powers: Mapping[str, float], *, number: bool
) -> dict[str, str]:
    """Name of a feature -> why its name is suspect, in the order of ``names``.

    A word for a model's answer is always so. Others are so in the name of a feature that alone
    predicts the label about as well as any whose name says nothing, and in no name of something
    past.

    Parameters
    ----------
    powers
        How well each feature alone predicts the label. Where none tells anything, or its power is
        not known, no weak word is suspect.
    number
        Whether the label is one, so that powers are shares of its variance.
    """
    if max(powers.values(), default=0.0) < LEAST_POWER[number]:
        powers = {}
    of_label = _words(label)
    answers, weak = {}, {}
    for name in names:
        words = _words(name)
        other = [word for word in words if word not in of_label]
        spelt = ["y_hat", *other] if ("y", "hat") in pairwise(words) else other
        if found := [word for word in spelt if ANSWERS.fullmatch(word)]:
            answers[name] = f"'{found[0]}' is a word for a model's answer"
        elif not any(map(PAST.fullmatch, words)) and (why := _weak(words, other, of_label, label)):
            weak[name] = why
    plain = [power for name, power in powers.items() if name not in (*answers, *weak)]
    most = CLOSE * (1 - max(plain, default=0.0))
    answers |= {name: why for name, why in weak.items() if 1 - powers.get(name, -1.0) <= most}
    return {name: answers[name] for name in names if name in answers}


def _weak(words: list[str], other: list[str], of_label: list[str], label: str) -> str:
    if found := [word for word in other if AFTERWARDS.fullmatch(word)]:
        return f"'{found[0]}' is often known only afterwards"
    if len(label) > 2 and of_label and set(of_label) <= set(words):
        return f"it has the label's name, '{label}', in it"
    if not TOTALS.isdisjoint(other) and ("of" in words or not {*words}.isdisjoint(of_label)):
        return "it is a total, which the label may be a part of"
    return ""


def label_name(contract: Contract, power: Check, trusted: Collection[str]) -> Check:
    """Whether a feature's name says that it is known only with the label.

    Parameters
    ----------
    power
        The result of ``label_power``, which knows how well each feature alone predicts the label.
    trusted
        Features that a person knows to be known before the label: ``leakage.trusted_columns``.
    """
    number = contract.field(contract.label).kind in ("integer", "float")
    powers = {
        str(row["column"]): float(value)
        for row in power.numbers
        if isinstance(value := row["power"], float)
    }
    asked = [name for name in contract.features if name not in trusted]
    found = telling_names(asked, contract.label, powers, number=number)
    detail = "no feature's name says that it is known only with the label"
    if found:
        detail = "; ".join(f"'{name}': {why}" for name, why in found.items())
    return Check(
        check="label_name",
        outcome="suspect" if found else "ok",
        columns=tuple(found or asked),
        observed=float(len(found)),
        limit=0.0,
        detail=detail,
    )


def _words(name: str) -> list[str]:
    """The words of a name in snake or camel case, in small letters."""
    return [word.lower() for word in _WORD.findall(name)]
