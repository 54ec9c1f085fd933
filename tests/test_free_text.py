"""Free text from a project to its nights: parcels with a note, which is a public docstring.

What the notes say decides which parcels are late: those with notes of NumPy are, more often.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import assay
from assay.compiled import CompiledModel
from assay.contract.columns import Columns
from assay.errors import ModelNotExported
from assay.project.params import Reasons
from assay.score.operations import why
from assay.score.table import TableScorer
from assay.serve.rows import ScoreRequest, answer_all
from tests import projects
from tests.scorer import NIGHT, Scorer
from tests.texts import docstrings

EDITS = {
    "data/contract.py": {
        "    late: Series[bool]": "    note: Series[str] = pa.Field(\n        nullable=True, "
        'str_length={"max_value": 3000}, metadata={"role": "text"}\n    )\n    late: Series[bool]',
    },
    "data/source.py": {
        "import numpy as np": "import json\nfrom pathlib import Path\n\nimport numpy as np",
        "    late = rng": "    file = Path(__file__).parent / 'notes.json'\n"
        "    notes = json.loads(file.read_text())\n"
        "    drawn = rng.integers(0, len(notes), rows)\n"
        "    of_numpy = np.array([notes[place][0] == 'numpy' for place in drawn])\n"
        "    odds = odds + 3.0 * of_numpy - 1.0\n"
        "    late = rng",
        '            "express": express,': '            "express": express,\n            "note": '
        "[notes[place][1] if place % 19 else None for place in drawn],",
    },
    "params.yaml": {
        "  candidates:\n": "  candidates:\n    words:\n      class: sklearn.linear_model."
        "LogisticRegression\n      text:\n        class: sklearn.feature_extraction.text."
        "TfidfVectorizer\n        args: {strip_accents: unicode, min_df: 5, sublinear_tf: true}\n",
    },
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A promoted project whose rows have a text."""
    made = tmp_path_factory.mktemp("text") / "parcels"
    shutil.copytree(projects.PARCELS, made)
    for name, edits in EDITS.items():
        text = (made / name).read_text(encoding="utf-8")
        for old, new in edits.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (made / name).write_text(text, encoding="utf-8")
    notes = [(each.source, each.body) for each in docstrings() if len(each.body) <= 3000]
    (made / "data" / "notes.json").write_text(json.dumps(notes), encoding="utf-8")
    projects.start(made)
    return made


@pytest.fixture
def scorer(root: Path, spark: Any, tmp_path: Path) -> Scorer:
    shutil.copytree(root, tmp_path / "live", symlinks=True)
    return Scorer(tmp_path / "live", spark)


def scores(scorer: Scorer) -> dict[int, float]:
    rows = scorer.store.predictions(NIGHT).select(["parcel", "probability"]).to_pylist()
    return {row["parcel"]: row["probability"] for row in rows}


def test_the_model_of_words_is_chosen_and_compiled(scorer: Scorer) -> None:
    loaded = scorer.pinned.bundle
    assert loaded.manifest.candidate == "words" and loaded.manifest.compiled["used"]
    assert isinstance(loaded.scorer, CompiledModel)


def test_each_way_to_score_gives_the_scores_of_scikit_learn(scorer: Scorer) -> None:
    def too_long(table: pa.Table) -> pa.Table:
        notes = ["x" * 3001, *table["note"].to_pylist()[1:]]
        place = table.schema.get_field_index("note")
        return table.set_column(place, "note", pa.array(notes))

    scorer.change(too_long)
    raw = pq.read_table(scorer.file())
    good = raw.slice(1)
    wanted = scorer.pinned.bundle.model.scores(Columns(scorer.pinned.contract, good))
    by_key = dict(zip(good["parcel"].to_pylist(), wanted.tolist(), strict=True))
    found = {}
    for carrier in ("local", "spark"):
        scorer.set(carrier=carrier, batch_rows=7)
        assert scorer.score().rows_quarantined == 1
        found[carrier] = scores(scorer)
        (refused,) = scorer.store.quarantine(NIGHT).to_pylist()
        assert refused["broken_rules"] == ["note: str_length(max_value=3000)"]
    assert found["local"] == found["spark"]
    assert found["local"].keys() == by_key.keys()
    for key, value in by_key.items():
        assert found["local"][key] == pytest.approx(value, abs=1e-12)
    version = assay.version(root=scorer.root).score(raw)
    face = version.predictions.select(["parcel", "probability"]).to_pylist()
    assert {row["parcel"]: row["probability"] for row in face} == found["local"]
    request = json.dumps(raw.drop_columns(["late"]).to_pylist(), default=str).encode()
    served = TableScorer(scorer.params, scorer.pinned, "the request")
    (answer,), _ = answer_all(served, [ScoreRequest(request)])
    rows = {row["parcel"]: row for row in json.loads(answer.body)["rows"]}
    assert rows.pop(raw["parcel"][0].as_py())["broken_rules"]
    assert {key: row["probability"] for key, row in rows.items()} == found["local"]


def test_reasons_name_the_words_that_moved_the_score(scorer: Scorer) -> None:
    scorer.set(reasons=Reasons(top=5, rows="all", direction="both"))
    scorer.score()
    raw = {row["parcel"]: row for row in pq.read_table(scorer.file()).to_pylist()}
    named = 0
    for row in scorer.store.predictions(NIGHT).to_pylist():
        told = {each["feature"]: each["value"] for each in row["reasons"]}
        note = raw[row["parcel"]]["note"]
        if note is None or "note" not in told:
            continue
        words = [each.rpartition(" ")[0] for each in told["note"].split(", ")]
        assert all(word in note.lower() for word in words if not word.startswith("and "))
        named += 1
    assert named > 20
    key = next(key for key, row in raw.items() if row["note"] is not None)
    shown = {
        each.feature: each.value for each in why.run(scorer.root, scorer.params, [str(key)]).reasons
    }
    assert "+" in shown["note"] or "-" in shown["note"]


def test_the_profile_of_a_night_has_measures_and_no_text(scorer: Scorer) -> None:
    run = scorer.score()
    profile = scorer.store.profile(run.run_id, NIGHT)
    measures = {"note: length", "note: unknown words", "note: letters", "note: rarest word"}
    assert measures <= profile.keys() and "note" not in profile
    note = next(each for each in pq.read_table(scorer.file())["note"].to_pylist() if each)
    assert note[:60] not in repr(profile)


def test_notes_in_other_words_raise_an_alarm(scorer: Scorer, call: Callable[..., str]) -> None:
    def encoded(table: pa.Table) -> pa.Table:
        notes = [each and each.encode().hex()[:3000] for each in table["note"].to_pylist()]
        place = table.schema.get_field_index("note")
        return table.set_column(place, "note", pa.array(notes, pa.string()))

    call(scorer.root, "assay", "drift", "--date", NIGHT)
    scorer.change(encoded)
    told = call(scorer.root, "assay", "drift", "--date", NIGHT, code=4)
    assert "note: unknown words" in told


def test_text_is_not_exported_in_one_line(scorer: Scorer, call: Callable[..., str]) -> None:
    told = call(scorer.root, "assay", "export-model", "--to", "c", code=ModelNotExported.exit_code)
    assert "it reads free text" in told and "the role text of note" in told
