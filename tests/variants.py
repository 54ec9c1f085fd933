"""The parcels project with another label, and with that another task.

Multiclass: what became of a parcel (early, late or lost). Regression: by how many hours it was
late. Nothing else differs, so what a test shows of them it shows of the task.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from assay.project.tasks import Task
from tests.projects import PARCELS

Edits = Mapping[str, Mapping[str, str]]

FATES = ("early", "late", "lost")

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "tasks.md"
"""Its snippets are the plots of these projects, so that whoever pastes them gets what is tested."""

_SNIPPETS: Mapping[Task, str] = {
    "multiclass": "for\na multiclass model:\n\n",
    "regression": "and for a regression:\n\n",
}

_EDITS: Mapping[Task, Edits] = {
    "binary": {},
    "multiclass": {
        "data/contract.py": {
            "late: Series[bool] = pa.Field(": 'late: Series[str] = pa.Field(isin=["early", "late", '
            '"lost"], '
        },
        "data/source.py": {
            "late = rng.random(rows) < 1 / (1 + np.exp(-odds))": "chance = rng.random(rows)\n"
            "    late = np.where(chance < 1 / (1 + np.exp(-odds)), 'late', 'early')\n"
            "    late[rng.random(rows) < 0.1 + 0.3 * (depot == 'west')] = 'lost'",
            'pd.array(late, dtype="boolean")': 'pd.array(late, dtype="string")',
        },
        "params.yaml": {"  threshold: 0.5\n": ""},
        "tests/model/test_direction.py": {
            "(score, holdout)": "(score, bundle, holdout)",
            "assert score(rows.assign(distance=500.0)).mean() > score(rows).mean()": "late = "
            'bundle.manifest.classes.index("late")\n'
            "    far = score(rows.assign(distance=500.0))\n"
            "    assert far[:, late].mean() > score(rows)[:, late].mean()",
        },
    },
    "regression": {
        "data/contract.py": {"late: Series[bool]": "late: Series[float]"},
        "data/source.py": {
            "late = rng.random(rows) < 1 / (1 + np.exp(-odds))": "late = 10 * odds + rng.normal(0, "
            "5, rows)",
            'pd.array(late, dtype="boolean")': "late",
            '"late"] = pd.NA': '"late"] = np.nan',
        },
        "params.yaml": {
            "select_by: log_loss": "select_by: rmse",
            "  threshold: 0.5\n": "",
            "prior:\n      class: sklearn.dummy.DummyClassifier\n      args: {strategy: prior}": (
                "prior:\n      class: sklearn.dummy.DummyRegressor"
            ),
            "logistic:\n      class: sklearn.linear_model.LogisticRegression": (
                "linear:\n      class: sklearn.linear_model.LinearRegression"
            ),
            "metric: auc\n      min: 0.6": "metric: r2\n      min: 0.3",
            "a coin gives 0.5": "always saying the mean gives 0",
        },
    },
}


def make(root: Path, task: Task) -> None:
    """Write the project to ``root``, which does not exist yet."""
    shutil.copytree(PARCELS, root)
    for name, edits in _EDITS[task].items():
        path = root / name
        text = path.read_text(encoding="utf-8")
        for old, new in edits.items():
            assert text.count(old) == 1, f"{name}: {old!r} occurs {text.count(old)} times"
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
    if task != "binary":
        _adapt_dvc(root / "dvc.yaml", task)


def _adapt_dvc(path: Path, task: Task) -> None:
    """No threshold to depend on, and pictures of what the task leaves to draw."""
    text = path.read_text(encoding="utf-8").replace(" train.threshold,", "")
    start, end = text.index("\nplots:\n"), text.index("\nartifacts:\n")
    path.write_text(f"{text[:start]}\n{documented_plots(task)}{text[end:]}", encoding="utf-8")


def documented_plots(task: Task) -> str:
    """What the guide says to write under ``plots:`` in dvc.yaml, that key included."""
    _, found, rest = GUIDE.read_text(encoding="utf-8").partition(_SNIPPETS[task])
    fence = "```yaml\n"
    assert found and rest.startswith(fence), f"{GUIDE.name} has no plots of a {task} model"
    return rest.removeprefix(fence).partition("```")[0]
