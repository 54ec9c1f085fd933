"""Change single values of params.yaml in its text; everything else stays as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from assay.errors import ParamsError
from assay.project.params import yaml_text

Path = Sequence[str]
_PLAIN = re.compile(r"""(?P<quote>["']?)(?P<value>[^\s"',}\]#]+)(?P=quote)""")


def set_values(text: str, values: Mapping[tuple[str, ...], str]) -> str:
    """``text`` with other scalars at these keys; a quoted value stays quoted.

    Raises
    ------
    ParamsError
        A key is missing, or its value is no plain scalar on one line.
    """
    tree = yaml_text.load(text)
    lines = text.splitlines(keepends=True)
    found = []
    for keys, value in values.items():
        node = tree
        try:
            for key in keys[:-1]:
                node = node[key]
            line, column = node.lc.value(keys[-1])
        except (KeyError, TypeError, AttributeError):
            raise _odd(keys) from None
        match = _PLAIN.match(lines[line], column)
        if match is None or match["value"] != str(node[keys[-1]]):
            raise _odd(keys)
        found.append((line, match.start(), match.end(), f"{match['quote']}{value}{match['quote']}"))
    # From the end, so that the places before it stay right.
    for line, start, end, value in sorted(found, reverse=True):
        lines[line] = lines[line][:start] + value + lines[line][end:]
    return "".join(lines)


def _odd(keys: Path) -> ParamsError:
    return ParamsError([f"params.yaml: {'.'.join(keys)}: expected a plain value on one line"])
