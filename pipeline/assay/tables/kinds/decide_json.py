"""Decides the kind of a JSON column: its values have types already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from assay.project.text.number_format import counted
from assay.tables.definition import ColumnFormat, Kind
from assay.tables.files.json_rows import NESTED
from assay.tables.kinds.decide import AGAIN, LINE, NEARLY, Decision, Hints, decide, gather
from assay.tables.kinds.json_tally import JsonTally
from assay.tables.spelling import spell

_NUMBER = {"integer", "float"}


def decide_json(
    tallies: Mapping[str, JsonTally],
) -> tuple[dict[str, Decision], dict[str, str]]:
    """A decision for each usable column, and for the others why they are left out."""
    left_out = {
        name: f"{counted(sum(tally.kinds[kind] for kind in NESTED), 'value')}: lists or objects"
        for name, tally in tallies.items()
        if any(tally.kinds[kind] for kind in NESTED)
    }
    used = {name: tally for name, tally in tallies.items() if name not in left_out}
    alone = [_decide(name, tally, Hints()) for name, tally in used.items()]
    hints = gather(alone, ",")
    return {name: _with_empty(_decide(name, each, hints), each) for name, each in used.items()}, (
        left_out
    )


def _with_empty(found: Decision, tally: JsonTally) -> Decision:
    """``found``, with a word on empty strings: as in CSV, they stand for no value."""
    count = tally.texts.words[""]
    if not count:
        return found
    rows = counted(count, "row")
    said = f"an empty string stands for no value in {rows}"
    return replace(found, evidence=(*found.evidence, said))


def _decide(name: str, tally: JsonTally, hints: Hints) -> Decision:
    kinds = {kind for kind, count in tally.kinds.items() if count and kind != "null"}
    texts = tally.texts
    words = tuple(word for word in texts.words if word)
    if "string" in kinds and not texts.shapes and not texts.loose and len(kinds) > 1:
        # Beside numbers, a word such as NA stands for no value.
        kinds.remove("string")
    else:
        words = ()
    if kinds <= {"string"}:
        return _texts(name, tally, hints)
    present = sum(tally.kinds[kind] for kind in kinds)
    if kinds == {"boolean"}:
        said = f"true or false in all of {counted(present, 'row')}"
        return Decision(ColumnFormat(name, "boolean"), words, evidence=(said,))
    if kinds == {"integer"} and tally.inexact:
        said = f"more digits than a number holds exactly in {counted(tally.inexact, 'row')}"
        doubt = "ids, or very large numbers?"
        return Decision(ColumnFormat(name, "string"), words, (), (said,), (doubt,))
    if kinds <= _NUMBER:
        whole = kinds == {"integer"}
        said = f"{'whole numbers' if whole else 'numbers'} in all of {counted(present, 'row')}"
        column = ColumnFormat(name, "integer" if whole else "float")
        return Decision(column, words, evidence=(said,))
    rarest = min(kinds, key=lambda kind: tally.kinds[kind])
    counts = ", ".join(f"{tally.kinds[kind]:,} of kind {kind}" for kind in sorted(kinds))
    why = f"values of different kinds, kept as text: {counts}; the first {rarest} in line {LINE}"
    few = tally.kinds[rarest] <= (1 - NEARLY) * present
    return Decision(
        ColumnFormat(name, "string"),
        evidence=("kept as text",),
        doubts=(f"{why}: {AGAIN}" if few else why,),
        odd_row=tally.first[rarest],
        stays_text=why,
    )


def _texts(name: str, tally: JsonTally, hints: Hints) -> Decision:
    """Strings stay what they are, unless all are times in ISO 8601."""
    found = decide(name, tally.texts, hints)
    column = found.column
    empty = not tally.texts.shapes and not tally.texts.loose
    if column.kind == "string" or empty or column == ColumnFormat(name, "timestamp"):
        return found
    why = f"strings in the file that all read as {column.kind}; kept as text"
    return replace(
        found,
        column=ColumnFormat(name, "string"),
        evidence=("strings",),
        doubts=(f"{why}: {to_have_read(column)}",),
        stays_text=why,
        decimal=None,
        order=None,
    )


def to_have_read(column: ColumnFormat) -> str:
    """What a person has to write so that texts of a file with types are read as this type."""
    item = json.dumps({column.name: spell(column)}, ensure_ascii=False)[1:-1]
    return (
        f"to have them read, write {item} in data/source.py, and in data/contract.py make it "
        f"{_ANNOTATIONS[column.kind]}, without isin"
    )


_ANNOTATIONS: dict[Kind, str] = {
    "integer": "Series[int]",
    "float": "Series[float]",
    "boolean": "Series[bool]",
    "timestamp": "Series[pd.Timestamp]",
    "string": "Series[str]",
}
"""How a contract writes the type of a field."""
