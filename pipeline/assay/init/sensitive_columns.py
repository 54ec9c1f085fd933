"""Columns that say what a person is: by their names, by those of other columns, by their values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from assay.formats.definition import ColumnFacts

_SENSITIVE = re.compile(
    r"(^|_)(gender|gend|sex|sexo|ethnic|ethn|religion|relig|catholic|protestant|muslim|jewish|"
    r"nationality|citizenship|nativity|disability|disabled|orientation|pregnan\w*|"
    r"(birth|born)_?(year|yr|date|dt|day)|(year|date|yr)_?(of_)?birth|birthday|birthdate|born|yob|"
    r"dob|female|male|skin_colou?r|foreigner|immigrant|geschlecht|alter)($|_)"
)
_ORIGIN = re.compile(
    r"(^|_)(race|oth(er)?_?race|ethnicity|black|asian|non_?white|hispanics?|hispan|hisp|latin[aox]|"
    r"caucasian|african_american|native_american|indigenous)($|_)|^rac\d?p?$|^rac\w{0,3}\d?p$|^hispd?$"
)
_MARITAL = re.compile(
    r"(^|_)(marital(_status)?|marstat?|(never_?)?married|divorced|widow(ed|er)?)($|_)"
)
_BESIDE = ((_ORIGIN, {"white", "other"}), (_MARITAL, {"divorce", "separated", "single"}))
"""Flags that say it too, but only beside a column of that kind: a wine is white as well."""
_AGE = re.compile(r"(^|_)(age|agea|agep|age_?sq(uared)?|age_?(group|grp|band|cat|range)\d?)($|_)")
_OF_THINGS = re.compile(
    r"(^|_)(account|domain|site|website|page|link|device|machine|equipment|asset|car|vehicle|house|"
    r"home|building|property|roof|company|firm|business|loan|policy|contract|tree|wine|rock)($|_)"
    r"(?!owner|holder|driver|buyer|user|head)"
)
_CENSUS = re.compile(r"^(agep|rac\d\w*p|pwgtp|schl|hisp|perwt|hispan|marst)$")
"""Codes that few tables but those of a census have."""
_BESIDE_CENSUS = frozenset({"mar", "cit", "dis", "pobp", "waob", "anc1p", "anc2p", "lanp", "bpl"})

_MEN = re.compile(r"m|male|man|men|boy|mr|männlich|hombre|masculino|homme", re.I)
_WOMEN = re.compile(r"f|w|female|woman|women|girl|mrs|ms|weiblich|mujer|femenino|femme", re.I)
_NEITHER = re.compile(
    r"x|u|d|o|other|unknown|diverse?|non-?binary|not (stated|known)|n/?a|both|\?", re.I
)
_PEOPLES = re.compile(
    r"caucasian|african|asian|hispanic|latin[oax]|american[ -]?indian|alaska|native american|"
    r"pacific islander|hawaiian|indigenous|aboriginal|amer-indian|mixed race|two or more races",
    re.I,
)
_COLOURS = re.compile(r"\b(white|black)\b", re.I)
_BAND = re.compile(
    r"(?:ages? |aged )?(\d{1,3}) ?(?:-|\u2013|to|bis) ?(\d{1,3})(?: years?(?: old)?)?"
)
_OPEN = re.compile(r"(\d{1,3}) ?(?:\+|and (?:over|older)|or (?:over|older)|plus)|(?:over|>=?) ?\d+")
LEAST_BANDS = 3
OLD = (55, 100)
"""Between these an age band that has no upper end begins."""


def sensitive_columns(facts: Sequence[ColumnFacts], plain: Mapping[str, str]) -> Mapping[str, str]:
    """Columns that say what a person is, each with how that was seen.

    Parameters
    ----------
    facts
        Of all columns.
    plain
        Name in the file -> the name that the project will use.
    """
    names = [plain[each.name] for each in facts]
    flags = {
        flag for kind, beside in _BESIDE if any(map(kind.search, names)) for flag in beside
    }  # fmt: skip
    census = any(map(_CENSUS.search, names))
    found = {}
    for each, name in zip(facts, names, strict=True):
        if (
            any(shape.search(name) for shape in (_SENSITIVE, _ORIGIN, _MARITAL))
            or (_AGE.search(name) and not _OF_THINGS.search(name))
            or (name in flags and each.distinct <= 2)
            or (census and name in _BESIDE_CENSUS)
        ):
            found[each.name] = "by its name"
        elif what := _by_values(each):
            found[each.name] = f"by its values, which are {what}"
    return found


def _by_values(facts: ColumnFacts) -> str:
    """What the values are, where they say what a person is; else empty."""
    if facts.kind != "string" or facts.many:
        return ""
    values = [str(value).strip() for value, _ in facts.values]
    men, women = (any(map(shape.fullmatch, values)) for shape in (_MEN, _WOMEN))
    known = (_MEN, _WOMEN, _NEITHER)
    if men and women and all(any(shape.fullmatch(value) for shape in known) for value in values):
        return "sexes"
    peoples = sum(_PEOPLES.search(value) is not None for value in values)
    colours = sum(_COLOURS.search(value) is not None for value in values)
    if peoples and peoples + colours >= max(2, len(values) / 2):
        return "races or ethnic groups"
    return "bands of ages" if _are_ages(values) else ""


def _are_ages(values: Sequence[str]) -> bool:
    """Whether the values are bands that follow each other, the last one from some old age on."""
    bands = sorted((int(m[1]), int(m[2])) for value in values if (m := _BAND.fullmatch(value)))
    ends = [int(m[1]) for value in values if (m := _OPEN.fullmatch(value)) and m[1]]
    if len(bands) < LEAST_BANDS or len(bands) < len(values) - 2 or len(ends) != 1:
        return False
    follow = all(low <= high for low, high in bands) and all(
        after[0] - each[1] in (0, 1) for each, after in pairwise(bands)
    )
    return follow and ends[0] - bands[-1][1] in (0, 1) and OLD[0] <= ends[0] <= OLD[1]
