"""Columns that say what a person is: by their names, by those of other columns, by their values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

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
    columns = {}
    for each, name in zip(facts, names, strict=True):
        if (
            any(shape.search(name) for shape in (_SENSITIVE, _ORIGIN, _MARITAL))
            or (_AGE.search(name) and not _OF_THINGS.search(name))
            or (name in flags and each.distinct <= 2)
        ):
            columns[each.name] = "by its name"
        elif what := _by_values(each):
            columns[each.name] = f"by its values, which are {what}"
    return columns


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
    named = peoples and peoples + colours >= max(2, len(values) / 2)
    return "races or ethnic groups" if named else ""
