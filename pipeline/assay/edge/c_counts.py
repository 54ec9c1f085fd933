"""Writes in C what counts the rows that a device scores, as two files beside its model's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from assay.columns.grid import CategoryGrid, NumberGrid
from assay.edge.c_source import Export, array, literal, part, table, write_c

_SCORED = -1
"""The place of a column that is no feature: what the model says."""


def write_files(export: Export) -> Mapping[str, str]:
    """The text of each file, by its name: of the model, and of what counts its rows."""
    name, own = export.name, export.name.upper()
    numbers = [each for each in export.grid.values() if isinstance(each, NumberGrid)]
    texts = [each for each in export.grid.values() if isinstance(each, CategoryGrid)]
    number_cells = sum(len(each.fine) + 1 for each in numbers)
    sizes = {
        "CHECKS": len(export.rules.held),
        "COUNTED_NUMBERS": len(numbers),
        "COUNTED": len(export.grid),
        "NUMBER_CELLS": number_cells,
        "CELLS": number_cells + sum(each.cells for each in texts),
    }
    enum = "\n".join(f"enum {{ {own}_{size} = {count} }};" for size, count in sizes.items())
    header = part("counts.h", name).replace("model.h", f"{name}.h")
    source = [
        f"/* See {name}_counts.h. */",
        *(f"#include <{each}.h>" for each in ("float", "math", "string")),
        f'#include "{name}_counts.h"',
        "#ifdef __FAST_MATH__",
        '#error "-ffast-math takes missing values for numbers: leave it out"',
        "#endif",
        *_tables(export, numbers, texts),
        part("counts.c", name),
    ]
    return {
        **write_c(export),
        f"{name}_counts.h": header.replace(f"{own}_SIZES", enum),
        f"{name}_counts.c": "\n".join(source),
    }


def _tables(export: Export, numbers: list[NumberGrid], texts: list[CategoryGrid]) -> Iterator[str]:
    """All that differs between two models."""
    inputs, known, cells = export.model.inputs, list[str](), list[int]()
    for each in texts:
        # As strcmp compares: by bytes.
        named = sorted((text.encode(), cell) for cell, text in enumerate(each.categories))
        known += [text.decode() for text, _ in named]
        cells += [cell for _, cell in named]
    tables = {
        "edge": np.array([edge for each in numbers for edge in each.fine], np.float64),
        "edge_start": np.cumsum([0, *(len(each.fine) for each in numbers)]),
        "known_cell": np.array(cells, np.int64),
        "known_start": np.cumsum([0, *(len(each.categories) for each in texts)]),
        "number_place": _places(export, NumberGrid, inputs.numeric),
        "text_place": _places(export, CategoryGrid, inputs.categorical),
    }
    for name, values in tables.items():
        yield from table(name, values)
    yield from array("static const char *const", "known", map(literal, known), '""')


def _places(export: Export, kind: type, names: tuple[str, ...]) -> np.ndarray:
    mine = [name for name, cells in export.grid.items() if isinstance(cells, kind)]
    return np.array([names.index(each) if each in names else _SCORED for each in mine], np.int64)
