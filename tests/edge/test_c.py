"""An export in C gives the compiled model's own answers, whatever the model, row and machine."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from assay.columns.features import FrameFeatures
from assay.compiled.edge_cases import FeaturesInMemory, load_features
from assay.edge import c_check, c_source, flat
from assay.edge.c_source import Export
from assay.edge.command import compare
from assay.edge.hard_rows import differences, expected
from assay.errors import ExportUnproven
from tests.compiled.fitted import SMALL, Case, rows
from tests.edge.exported import (
    ARM,
    CHOSEN,
    COMPILER,
    CONTRACT,
    WASM,
    as_webassembly,
    build_bare,
    export,
    sample,
)


def compared(found: Export, run: c_check.Run) -> int:
    return compare(found, sample(found), partial(c_check.answers, run, found))


@pytest.mark.parametrize("case", CHOSEN, ids=str)
def test_c_is_equal_on_the_hard_rows(case: Case, tmp_path: Path) -> None:
    found = export(case)
    # It traps, so that the compiler need not build what would say where.
    undefined = ["-fsanitize=undefined", "-fsanitize-trap=undefined"]
    program = c_check.build(found, tmp_path, COMPILER, undefined)
    assert compared(found, c_check.runner(program)) > 1000


@pytest.mark.parametrize("form", SMALL)
def test_webassembly_is_equal_on_the_hard_rows(form: str, tmp_path: Path) -> None:
    found = export(SMALL[form])
    program = build_bare(found, tmp_path, WASM)
    assert program.read_bytes()[:4] == b"\0asm"
    assert compared(found, as_webassembly(program)) > 1000


@pytest.mark.parametrize("form", SMALL)
@pytest.mark.parametrize("emulator", ARM)
@pytest.mark.skipif(None in map(shutil.which, ARM), reason="qemu-user is not installed")
def test_arm_is_equal_on_the_hard_rows(emulator: str, form: str, tmp_path: Path) -> None:
    found = export(SMALL[form])
    program = build_bare(found, tmp_path, ARM[emulator])

    def emulated(given: bytes) -> bytes:
        return subprocess.run(
            [emulator, program], input=given, capture_output=True, check=True
        ).stdout

    assert compared(found, emulated) > 1000


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        form: c_check.build(export(case), tmp_path_factory.mktemp(form), COMPILER)
        for form, case in SMALL.items()
    }


@pytest.mark.parametrize("form", SMALL)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=25)
@given(frame=rows())
def test_c_is_equal_on_any_rows(form: str, programs: dict[str, Path], frame: pd.DataFrame) -> None:
    found = export(SMALL[form])
    model, asked = found.model, known_rows(found, frame)
    got = c_check.answers(c_check.runner(programs[form]), found, asked)
    wanted = expected(model, found.contract, found.rules, asked)
    assert differences(wanted, got, 1e-12) == ""


def known_rows(found: Export, frame: pd.DataFrame) -> FeaturesInMemory:
    inputs = found.model.inputs
    # C ends a text at its first zero.
    for name in inputs.categorical:
        frame[name] = [None if text is None else text.replace("\0", "0") for text in frame[name]]
    return load_features(FrameFeatures(frame), inputs.numeric, inputs.categorical)


@pytest.mark.parametrize(
    ("form", "part", "field"),
    [
        ("scan", "ranks", "thresholds"),
        ("walk", "nodes", "values"),
        ("linear", "weights", "weights"),
        ("linear", "weights", "tables"),
    ],
)
def test_one_bit_of_one_number_is_found(form: str, part: str, field: str, tmp_path: Path) -> None:
    found = export(SMALL[form])
    body: Any = found.model.body
    values = getattr(getattr(body, part), field).copy()
    values[1] = np.nextafter(values[1], np.inf)
    changed = dataclasses.replace(getattr(body, part), **{field: values})
    model = dataclasses.replace(found.model, body=dataclasses.replace(body, **{part: changed}))
    program = c_check.build(dataclasses.replace(found, model=model), tmp_path, COMPILER)
    with pytest.raises(ExportUnproven, match="the raw output differs in"):
        compared(found, c_check.runner(program))


def test_another_limit_of_the_contract_is_found(tmp_path: Path) -> None:
    found = export(SMALL["linear"])
    other = export(SMALL["linear"], contract=CONTRACT.replace("lt=60.5", "le=60.5"))
    program = c_check.build(found, tmp_path, COMPILER)
    with pytest.raises(ExportUnproven, match=r"a check of the contract differs in"):
        compared(other, c_check.runner(program))


NASTY = ('a"b\\', "*/ /* ??/", "model_x MODEL_X", "é\n€", "%s\x01", "L1", "9")


def test_names_and_texts_of_all_kinds_arrive(tmp_path: Path) -> None:
    found = export(SMALL["scan"])
    inputs = found.model.inputs
    categories = tuple((*NASTY, *names)[: len(names)] for names in inputs.categories)
    named = dataclasses.replace(
        found,
        bundle="sha256:*/",
        manifest=dataclasses.replace(found.manifest, name="9 lives*/", label="a/*b", classes=NASTY),
        rules=dataclasses.replace(found.rules, left_out=("x: str_matches(^/*a??/\n\x1b[31m$)",)),
        model=dataclasses.replace(
            found.model, inputs=dataclasses.replace(inputs, categories=categories)
        ),
    )
    assert named.name == "m9_lives__"
    program = c_check.build(named, tmp_path, COMPILER)
    assert compared(named, c_check.runner(program)) > 1000


def test_the_header_names_version_bundle_and_what_is_not_checked() -> None:
    text = c_source.write_c(export(SMALL["linear"]))["late_flights.h"]
    assert '#define LATE_FLIGHTS_VERSION "v0.1.0"' in text
    assert '#define LATE_FLIGHTS_BUNDLE "sha256:b0"' in text
    assert re.findall(r"^ \*   (.*)", text, re.MULTILINE) == [
        "line: str_matches(^L[0-9]+$)",
        "older_than_floor",
    ]
    assert "LATE_FLIGHTS_NUMBER_FLOOR = 2, /* integer */" in text
    assert "LATE_FLIGHTS_TEXT_SHIFT = 1, /* string, may be missing */" in text


def test_trees_are_the_same_in_both_layouts() -> None:
    """Leaves that rows reach by either are those of the rows' ranks."""
    for form in ("scan", "walk"):
        trees = flat.flatten(export(SMALL[form]).model).trees
        for tree in range(trees.trees):
            here = slice(trees.starts[tree], trees.starts[tree + 1])
            children = np.concatenate([trees.left[here], trees.right[here]])
            inner, leaves = children[children >= 0], -1 - children[children < 0]
            # Each node but the first has one parent, and there is one leaf more than nodes.
            assert sorted(inner) == list(range(1, len(trees.left[here])))
            assert len(leaves) == len(trees.left[here]) + 1
            if form == "scan":
                assert sorted(leaves) == list(range(len(leaves)))


def test_a_compiler_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ExportUnproven, match=r"false: .* \(found exit code 1\)\. Is \$CC, or cc"):
        c_check.build(export(SMALL["constant"]), tmp_path, ["false"])
    with pytest.raises(ExportUnproven, match=r"no-such-cc: "):
        c_check.build(export(SMALL["constant"]), tmp_path, ["no-such-cc"])
