"""The contract file: what it means, and every way in which it can be wrong."""

from __future__ import annotations

import pickle
import textwrap
from pathlib import Path

import pyarrow as pa
import pytest

from assay.contract.checks.row_checks import check_rows
from assay.contract.definition import MASK, Contract, Role
from assay.contract.loader import (
    load_contract,
    load_contract_text,
    load_kept_contract,
)
from assay.errors import AssayError, ContractFileError
from assay.project import digests, source_code
from assay.project import params as parameters
from tests.projects import PARCELS

HEAD = """\
from __future__ import annotations
import datetime
import pandas as pd
import pandera.pandas as pa

class Row(pa.DataFrameModel):
    id: int = pa.Field(ge=0, metadata={"role": "key"})
    at: datetime.datetime = pa.Field(metadata={"role": "time"})
    distance: float = pa.Field(gt=0, metadata={"role": "feature"}, description="miles")
    late: bool = pa.Field(nullable=True, metadata={"role": "label"})
"""
NEXT = HEAD.count("\n") + 1


def read(more: str = "", head: str = HEAD) -> Contract:
    return load_contract_text(
        head + textwrap.indent(textwrap.dedent(more), "    "), "data/contract.py"
    )


def refused(more: str = "", head: str = HEAD) -> str:
    with pytest.raises(ContractFileError) as caught:
        read(more, head)
    line = caught.value.line()
    assert "\n" not in line
    return line


def test_roles_kinds_and_rules() -> None:
    contract = read(
        """
        origin: str = pa.Field(isin=list("ABCDEFGHIJ"), metadata={"role": ["slice", "feature"]})
        hub: bool = pa.Field(metadata={"role": ["feature", "sensitive"]})
        seats: int = pa.Field(
            in_range={"min_value": 1, "max_value": 900}, nullable=True, metadata={"role": "feature"}
        )

        @pa.check("origin")
        def known(cls, origin: pd.Series) -> pd.Series:
            return origin != "Z"

        @pa.dataframe_check
        def far(cls, frame: pd.DataFrame) -> pd.Series:
            return frame["distance"] > frame.seats.fillna(0) - 1000
        """
    )
    assert (contract.keys, contract.time, contract.label) == (("id",), "at", "late")
    assert contract.features == ("distance", "origin", "hub", "seats")
    assert contract.numeric == ("distance", "hub", "seats")
    assert contract.categorical == ("origin",) and contract.slices == ("origin", "hub")
    assert contract.sensitive == ("hub",)
    assert contract.field("origin").roles == (Role.FEATURE, Role.SLICE)
    assert contract.field("distance").description == "miles"
    assert contract.row_rules == (
        "id: not null",
        "id: greater_than_or_equal_to(0)",
        "at: not null",
        "distance: not null",
        "distance: finite",
        "distance: greater_than(0)",
        "origin: not null",
        "origin: isin(A, B, C, D, E, … 5 more)",
        "origin: known",
        "hub: not null",
        "seats: in_range(1, 900)",
        "far",
    )
    assert contract.rules[-1].columns == ("distance", "seats")
    assert (
        contract.rules[-1].line
        == contract.source[: contract.source.index("def far")].count("\n") + 1
    )


def test_without_label_drops_the_column_and_its_rules_but_keeps_its_name() -> None:
    contract = read(
        """
        @pa.check("late")
        def plausible(cls, late: pd.Series) -> pd.Series:
            return late | ~late
        """
    )
    scoring = contract.without_label()
    assert "late: plausible" in contract.row_rules
    assert scoring.row_rules == tuple(r for r in contract.row_rules if not r.startswith("late"))
    assert (scoring.label, scoring.has_label, "late" in scoring.columns) == ("late", False, False)


def test_a_contract_travels_as_its_text() -> None:
    contract = read()
    for each in (contract, contract.without_label()):
        again = pickle.loads(pickle.dumps(each))
        assert again == each
        assert (again.row_rules, again.columns) == (each.row_rules, each.columns)
    assert contract != contract.without_label()


def test_one_model_may_extend_another() -> None:
    child = 'class Child(Row):\n    wind: float = pa.Field(metadata={"role": "feature"})\n'
    contract = load_contract_text(HEAD + child, "c.py")
    assert (contract.name, contract.features) == ("Child", ("distance", "wind"))
    assert contract.field("distance").line == 9


def test_equal_rules_get_distinct_names() -> None:
    contract = read(
        """
        origin: str = pa.Field(metadata={"role": "feature"})
        dest: str = pa.Field(metadata={"role": "feature"})
        @pa.check("origin", name="code")
        def one(cls, s: pd.Series) -> pd.Series:
            return s.str.len() == 3
        @pa.check("origin", "dest", name="code")
        def two(cls, s: pd.Series) -> pd.Series:
            return s.str.isupper()
        """
    )
    assert {"origin: code", "origin: code (2)", "dest: code"} <= set(contract.row_rules)


def test_the_name_of_a_set_does_not_depend_on_its_order() -> None:
    contract = read('code: str = pa.Field(isin={"c", "a", "b"}, metadata={"role": "feature"})')
    assert "code: isin(a, b, c)" in contract.row_rules


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ContractFileError, match=r"^data/contract\.py: no such file .*params\.yaml"):
        load_contract(tmp_path / "no.py", "data/contract.py")


def test_not_text(tmp_path: Path) -> None:
    (tmp_path / "c.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ContractFileError, match="UTF-8"):
        load_contract(tmp_path / "c.py")


FIELD = 'x: float = pa.Field({}metadata={{"role": "feature"}})'
ROLE = 'x: {} = pa.Field(metadata={{"role": "feature"}})'


@pytest.mark.parametrize(
    ("more", "line", "words"),
    [
        ("x: = 3", NEXT, ["not valid Python", "invalid syntax"]),
        ("import no_such_package", NEXT, ["an import fails", "No module named 'no_such_package'"]),
        ("x = 1 / 0", NEXT, ["does not run", "ZeroDivisionError"]),
        ("raise SystemExit(0)", NEXT, ["does not come to its end", "sys.exit(0)"]),
        ("x: float", NEXT, ["'x' has no role", "found none"]),
        ('x: float = pa.Field(metadata={"roles": "key"})', NEXT, ["'x' has no role", "'roles'"]),
        ('x: float = pa.Field(metadata={"role": []})', NEXT, ["'x' has no role"]),
        ('x: float = pa.Field(metadata={"role": 3})', NEXT, ["'x' has no role"]),
        ('x: float = pa.Field(metadata={"role": "featur"})', NEXT, ["mean 'feature'?"]),
        *(
            (
                f'x: {kind} = pa.Field(metadata={{"role": "feature", "order": {order}}})',
                NEXT,
                ["'x' has an order that is none", words],
            )
            for kind, order, words in (
                ("str", '"low"', "found 'low'"),
                ("str", '["low"]', "two texts or more"),
                ("str", '["low", "high", "low"]', "each once"),
                ("str", '["low", 3]', "two texts or more"),
                ("float", '["low", "high"]', "numbers have their own"),
            )
        ),
        ('x: float = pa.Field(metadata={"role": ["key", "zzz"]})', NEXT, ["found 'zzz'"]),
        (
            'x: bool = pa.Field(metadata={"role": "label"})',
            NEXT,
            ["more than one label", "late, x"],
        ),
        (
            'x: datetime.datetime = pa.Field(metadata={"role": "time"})',
            NEXT,
            ["more than one time", "at, x"],
        ),
        (ROLE.format("object"), NEXT, ["unsupported type", "int, float, str, bool", "object"]),
        (ROLE.format("pa.Int32"), NEXT, ["unsupported type", "int32"]),
        (ROLE.format("pd.CategoricalDtype"), NEXT, ["unsupported type", "category"]),
        (ROLE.format("datetime.datetime"), NEXT, ["the feature 'x' is a timestamp", "hour"]),
        (ROLE.format("float | None"), NEXT, ["an optional column", "nullable=True"]),
        (ROLE.format("Nonsense"), 6, ["NameError", "Nonsense"]),
        (FIELD.format("unique=True, "), NEXT, ["unique=True", "unique_key in params.yaml"]),
        (FIELD.format("coerce=True, "), NEXT, ["coerce=True", "never silently changed"]),
        (FIELD.format("default=0.0, "), NEXT, ["a default", "never silently changed"]),
        (FIELD.format("regex=True, "), NEXT, ["regex=True"]),
        (FIELD.format("gt=0, raise_warning=True, "), NEXT, ["raise_warning", "max_bad_share"]),
        (
            'x: int = pa.Field(nullable=True, metadata={"role": "key"})',
            NEXT,
            ["the key field 'x' may be null"],
        ),
        ("class Config:\n    coerce = True", 6, ["Config.coerce", "never silently changed"]),
        ('class Config:\n    unique = ["id"]', 6, ["Config.unique", "unique_key in params.yaml"]),
        ("class Config:\n    strict = True", 6, ["Config.strict"]),
        ("class Config:\n    drop_invalid_rows = True", 6, ["Config.drop_invalid_rows"]),
        (FIELD.format("unique_values_eq=[1.0], "), NEXT, ["one bool for the whole table"]),
        (
            '@pa.check("distance", groupby="late")\ndef g(cls, groups):\n    return True',
            NEXT + 1,
            ["check 'g'", "groupby"],
        ),
        ('@pa.check("none")\ndef g(cls, s):\n    return s > 0', 6, ["non-existing field 'none'"]),
        (
            '@pa.parser("distance")\ndef p(cls, s):\n    return s.abs()',
            9,
            ["'distance'", "a parser"],
        ),
        (
            '@pa.check("distance")\ndef g(cls, s):\n    return bool((s > 0).all())',
            NEXT + 1,
            ["'distance: g'", "one bool for the whole table"],
        ),
        (
            '@pa.check("distance")\ndef g(cls, s):\n    return None',
            NEXT + 1,
            ["'distance: g'", "NoneType"],
        ),
        (
            '@pa.dataframe_check\ndef g(cls, frame):\n    return frame["late"] | True',
            NEXT + 1,
            ["rule 'g' needs the label 'late'", "@pa.check('late')"],
        ),
        (
            "@pa.dataframe_check\ndef g(cls, frame):\n    return frame.late | True",
            NEXT + 1,
            ["rule 'g' needs the label 'late'"],
        ),
        (
            '@pa.dataframe_check\ndef g(cls, frame):\n    return frame["distanc"] > 0',
            NEXT + 1,
            ["rule 'g'", "KeyError: 'distanc'"],
        ),
    ],
)
def test_every_mistake_has_its_line_and_message(more: str, line: int, words: list[str]) -> None:
    message = refused(more)
    assert message.startswith(f"data/contract.py:{line}: ")
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ('"role": "label"', '"role": "slice"', "no label field (expected exactly one"),
        ('"role": "time"', '"role": "slice"', "no time field (expected exactly one"),
        ('"role": "key"', '"role": "slice"', "no key field"),
        ('"role": "feature"', '"role": "slice"', "no feature field"),
        ('"role": "label"', '"role": ["label", "feature"]', "'late' is also a feature"),
        ('"role": "label"', '"role": ["label", "key"]', "'late' is also a key"),
        ("at: datetime.datetime", "at: str", "the time field 'at' is no time"),
        ("Row(pa.DataFrameModel)", "Row", "no contract in it"),
    ],
)
def test_roles_must_make_sense_together(was: str, now: str, words: str) -> None:
    assert words in refused(head=HEAD.replace(was, now))


def test_two_models() -> None:
    other = "class Other(pa.DataFrameModel):\n    a: int\n"
    message = refused(head=HEAD + other)
    assert message.startswith(f"data/contract.py:{NEXT}: more than one contract")
    assert f"Row (line 6), Other (line {NEXT})" in message


def test_an_imported_model_is_not_the_contract() -> None:
    assert "no contract in it" in refused(head="from pandera.pandas import DataFrameModel\n")


def test_dataclasses_and_postponed_annotations_resolve() -> None:
    more = "from dataclasses import dataclass\n@dataclass\nclass Limit:\n    top: float = 9.0\n"
    text = HEAD.replace("class Row", more + "\nclass Row").replace("gt=0", "lt=Limit().top")
    assert "distance: less_than(9.0)" in load_contract_text(text, "c.py").row_rules


def test_a_check_sees_the_label_at_training_only() -> None:
    contract = read(
        """
        @pa.check("late", ignore_na=False)
        def known(cls, late: pd.Series) -> pd.Series:
            return late.notna()
        """
    )
    batch = pa.table({"id": [1], "at": [0], "distance": [1.0], "late": [None]})
    batch = batch.set_column(1, "at", batch["at"].cast(pa.timestamp("us")))
    assert check_rows(contract, batch).reasons() == [["late: known"]]
    assert not check_rows(contract.without_label(), batch.drop(["late"])).bad.any()


def test_sensitive_fields_that_form_groups_are_sliced() -> None:
    contract = read(
        """
        sex: str = pa.Field(metadata={"role": "sensitive"})
        born: pd.Timestamp = pa.Field(metadata={"role": "sensitive"})
        income: float = pa.Field(metadata={"role": ["sensitive", "feature"]})
        plan: str = pa.Field(metadata={"role": ["slice", "sensitive"]})
        """
    )
    assert contract.sensitive == ("sex", "born", "income", "plan")
    assert contract.slices == ("sex", "plan")


def test_a_key_cannot_be_sensitive() -> None:
    told = refused('name: str = pa.Field(metadata={"role": ["key", "sensitive"]})\n')
    assert "the sensitive field 'name' is also a key" in told


@pytest.mark.parametrize("other", ["feature", "slice", "text", "sensitive", "label", "time"])
def test_what_is_private_is_learnt_by_nothing(other: str) -> None:
    kind = "pd.Timestamp" if other == "time" else "str"
    told = refused(f'name: {kind} = pa.Field(metadata={{"role": ["pii", "{other}"]}})\n')
    assert "the private field 'name' is also more than a key" in told or "more than one" in told


def test_a_private_key_is_hidden_and_read() -> None:
    contract = read('who: str = pa.Field(metadata={"role": ["key", "pii"]})\n')
    assert contract.private == contract.hidden == ("who",)
    assert "who" in contract.keys and contract.slices == contract.sensitive == ()
    assert contract.mask_row({"who": "ada", "id": 1}) == {"who": MASK, "id": 1}


CONTRACT = "data/contract.py"


def files(**changes: str | None) -> dict[str, str]:
    """A project's files, by names with _ for / and without their endings."""
    names = {"params": "params.yaml", "data_contract": CONTRACT, "data_limits": "data/limits.py"}
    found = {name: (PARCELS / name).read_text() for name in ("params.yaml", CONTRACT)}
    found |= {names[key]: text for key, text in changes.items() if text is not None}
    return {
        path: text
        for path, text in found.items()
        if path not in {names[key] for key, text in changes.items() if text is None}
    }


def kept(folder: Path, found: dict[str, str]) -> Path:
    for path, text in found.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder


def test_what_the_contract_imports_is_kept_and_nothing_else() -> None:
    importing = "from data.limits import HEAVY\n" + files()[CONTRACT].replace("le=50", "le=HEAVY")
    given = files(data_contract=importing, data_limits="HEAVY = 50\n") | {"data/other.py": "x = 1"}
    assert digests.contract_files(given.get, "v1") == {
        "params.yaml": given["params.yaml"],
        CONTRACT: importing,
        "data/limits.py": "HEAVY = 50\n",
    }


def test_the_contract_that_was_trained_under_is_loaded(tmp_path: Path) -> None:
    importing = "from data.limits import HEAVY\n" + files()[CONTRACT].replace("le=50", "le=HEAVY")
    given = files(data_contract=importing, data_limits="HEAVY = 50\n")
    kept(tmp_path, digests.contract_files(given.get, "v1"))
    now = digests.worktree_contract(tmp_path, parameters.load(tmp_path))
    contract, digest, rules = load_kept_contract(tmp_path, "v1", now)
    assert (digest, rules.file, contract.has_label) == (now, CONTRACT, False)
    (tmp_path / "data/limits.py").write_text("HEAVY = 60\n")
    with pytest.raises(AssayError, match="not the one the model was trained under"):
        load_kept_contract(tmp_path, "v1", now)


@pytest.mark.parametrize(
    ("given", "left", "told"),
    [
        (files(params=None), set(), "params.yaml at v1: was not in git"),
        (files(params="name: [\n"), {"params.yaml"}, "params.yaml at v1:2: not valid YAML"),
        (files(data_contract=None), {"params.yaml"}, "data/contract.py at v1: was not in git"),
    ],
)
def test_what_is_missing_is_left_out_and_told_when_it_is_needed(
    tmp_path: Path, given: dict[str, str], left: set[str], told: str
) -> None:
    found = digests.contract_files(given.get, "v1")
    assert set(found) == left
    with pytest.raises(AssayError) as caught:
        load_kept_contract(kept(tmp_path, found), "v1", "sha256:0")
    assert told in caught.value.line()
    assert source_code.file_reader(tmp_path)("data/contract.py") is None
