"""Whatever stands in a contract's file: it is read, or its first mistake is one line."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.contract.loader import load_contract_text
from assay.errors import AssayError
from tests.projects import PARCELS, ROOT

TEXTS = [(place / "data" / "contract.py").read_text(encoding="utf-8") for place in (ROOT, PARCELS)]
WORDS = [
    *(
        "",
        ":",
        "(",
        ")",
        "[",
        "\n",
        "    ",
        "=",
        "'",
        "#",
        "\t",
        "\0",
        "é",
        "None",
        "0",
        "-1",
        "1e400",
    ),
    *(
        "nullable=True",
        "unique=True",
        "coerce=True",
        "regex=True",
        "isin=[]",
        "gt='a'",
        "alias='x'",
    ),
    *("raise ValueError('no')", "import nothing_of_that_name", "metadata={}", "pa.Field()", "str"),
]


@settings(max_examples=100, deadline=None)
@given(text=st.sampled_from(TEXTS), seed=st.integers(0, 10**6))
def test_a_file_that_was_edited_blindly_is_read_or_refused_in_one_line(
    text: str, seed: int
) -> None:
    drawn = random.Random(seed)
    for _ in range(drawn.randint(1, 3)):
        at = drawn.randrange(len(text))
        text = text[:at] + drawn.choice(WORDS) + text[at + drawn.randint(0, 9) :]
    try:
        load_contract_text(text, "data/contract.py")
    except AssayError as error:
        for line in error.lines():
            assert line.startswith("data/contract.py") and "\n" not in line, line
