"""Number formats for people, one function per format."""

from __future__ import annotations

from math import floor, isfinite, log10


def format_count(value: float | None, none: str = "") -> str:
    """A whole number with thousands separators."""
    return none if value is None else f"{value:,}"


def counted(count: float | None, one: str, many: str | None = None) -> str:
    """A number of something, with thousands separators: the plural unless there is one.

    None is an unknown number.

    >>> counted(1, "row"), counted(2000, "row"), counted(0, "class", "classes")
    ('1 row', '2,000 rows', '0 classes')
    """
    number = "unknown" if count is None else f"{count:,.15g}"
    return f"{number} {one if count == 1 else many or one + 's'}"


def format_fixed(value: float | None, digits: int = 3, none: str = "") -> str:
    """A distance, metric or effect with a fixed number of decimals."""
    return none if value is None else f"{value:.{digits}f}"


def format_digits(value: float, digits: int = 4) -> str:
    """A number of any size to so many significant digits, never as 4.86e+03.

    >>> format_digits(4862.4, 3), format_digits(0.12345), format_digits(1234567.0), format_digits(0)
    ('4,860', '0.1235', '1,235,000', '0')
    """
    if value == 0 or not isfinite(value):
        return f"{value:g}"
    return f"{round(value, digits - 1 - floor(log10(abs(value)))):,.15g}"


def format_short(value: float | None, none: str = "-") -> str:
    """Four decimals below 10, else five significant digits."""
    if value is None:
        return none
    return f"{value:.4f}" if abs(value) < 10 else format_digits(value, 5)


def format_percent(share: float | None, digits: int = 1, none: str = "") -> str:
    """A share of 0 to 1 as a percentage with so many decimals."""
    return none if share is None else f"{share:.{digits}%}"


def format_exact_percent(share: float) -> str:
    """A share of 0 to 1 in percent. Only exactly 0 and 1 become 0% and 100%.

    >>> format_exact_percent(0.25), format_exact_percent(0.00001)
    ('25%', 'under 0.01%')
    """
    if 0 < share < 0.0001:
        return "under 0.01%"
    if 0.9999 < share < 1:
        return "over 99.99%"
    return f"{round(share * 100, 2):g}%"
