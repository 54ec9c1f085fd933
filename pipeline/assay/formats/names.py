"""Names of a table's columns as names that Python, Spark and Delta all take."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Mapping

RESERVED = frozenset(
    {
        *("config", "empty", "example", "strategy", "validate"),  # of a pandera model
        *("from_json", "from_yaml", "to_json", "to_json_schema", "to_schema", "to_yaml"),
        *("build_schema_", "get_metadata", "pydantic_validate"),
        *("pa", "pd"),  # of the modules that a contract imports
        *("prediction", "probability", "probabilities", "truth"),  # of the tables that a run writes
        *("model_version", "bundle", "run_id", "scored_at", "broken_rules", "row", "private"),
    }
)
"""Names that something else has."""

OF_PROJECT = ("night", "arrived", "row_number")
"""Names of columns that a project adds to those of its table."""

_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


def column_names(given: Iterable[str], taken: Iterable[str] = ()) -> Mapping[str, str]:
    """A short, plain name for each column, in the same order.

    Parameters
    ----------
    given
        Names as in the file, each once.
    taken
        Names that none of them may get.

    Returns
    -------
    Mapping
        Name in the file -> a name of lower-case ASCII letters, digits and ``_`` that is neither a
        word of Python nor one that a contract's class has for itself. All are different.

    >>> list(column_names(["Total Charges (EUR)", "größe", "class", "ZipCode"]).values())
    ['total_charges_eur', 'grosse', 'class_', 'zip_code']
    """
    used, names = set(taken), {}
    for number, name in enumerate(given, 1):
        plain = _plain(name) or f"column_{number}"
        if keyword.iskeyword(plain) or plain in RESERVED or plain in used:
            plain = f"{plain}_"
        while plain in used:
            plain = f"{plain}2" if plain.endswith("_") else f"{plain}_2"
        used.add(plain)
        names[name] = plain
    return names


def project_name(text: str) -> str:
    """A name for the model: lower-case letters, digits and dashes.

    >>> project_name("Bank Churners 2024")
    'bank-churners-2024'
    """
    name = _plain(text).replace("_", "-")
    return name if len(name) > 1 else "model"


def _plain(name: str) -> str:
    spelt = name.replace("ß", "ss").replace("&", " and ").replace("%", " percent ")
    letters = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode("ascii")
    plain = "_".join(part for part in _BREAK.split(letters) if part).lower()
    return f"n_{plain}" if plain[:1].isdigit() else plain
