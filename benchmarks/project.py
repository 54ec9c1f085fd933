"""The project that benchmarks run in: the repository's own, with three models of equal rank.

It lies under build/bench and may be deleted at any time. Its stages are run by the commands
that its users type. Scores are not calibrated, so that what is compared is one call of
`predict_proba` and nothing else, on every side.
"""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from assay.contract.loader import load_contract
from assay.model import bundle
from assay.project import digests, layout, params
from benchmarks.contender import ROOT, SPARK_CONF
from benchmarks.measure import say
from tests.projects import call

CANDIDATES: dict[str, dict[str, Any]] = {
    "boosting": {
        "class": "sklearn.ensemble.HistGradientBoostingClassifier",
        "args": {"max_iter": 100, "early_stopping": False},
    },
    "logistic": {
        "class": "sklearn.linear_model.LogisticRegression",
        "args": {"C": 0.3, "max_iter": 500},
    },
    "forest": {
        "class": "sklearn.ensemble.RandomForestClassifier",
        "args": {"n_estimators": 100, "n_jobs": 1},
    },
}
TREE = "sklearn.tree._tree.Tree"
"""What a forest is made of; skops asks for a word that it may be loaded."""
COPIED = ("data/contract.py", "data/source.py")


@dataclass(frozen=True)
class Project:
    """Where it is; ``columns``, ``keys`` and ``column`` are those of its nights.

    ``columns`` are all that scoring reads, ``column`` is that of the partition.
    """

    root: Path
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    column: str

    def fitted(self, name: str) -> Path:
        """A candidate's fitted pipeline, as scikit-learn's users keep it: a pickle."""
        return self.root / "models" / "fitted" / f"{name}.pkl"


def make(root: Path, master: str) -> Project:
    """Make the project and train its models, unless that was done from the same sources."""
    settings = _settings(master)
    made_from = digests.digest_texts(
        *(f"{path}\n{digests.digest_file(path)}" for path in _sources())
    )
    stamp = root / "made-from.txt"
    given = params.load(root) if stamp.exists() else None
    if given is None or stamp.read_text() != made_from:
        say("making the project and training three models (once, about three minutes)")
        shutil.rmtree(root, ignore_errors=True)
        (root / "data").mkdir(parents=True)
        for path in COPIED:
            shutil.copy2(ROOT / path, root / path)
        _write(root, settings)
        given = params.load(root)
        for command in (["git", "init", "--quiet"], ["git", "add", *COPIED, layout.PARAMS]):
            subprocess.run(command, cwd=root, check=True)
        commands = [
            *(["ingest"], ["contract"], ["prepare"]),
            *(["train", each] for each in CANDIDATES),
        ]
        for command in commands:
            say(f"assay stage {' '.join(command)}")
            call(root, str(Path(sys.executable).parent / "assay"), "stage", *command)
        for name in CANDIDATES:
            _export(root, given, name)
        stamp.write_text(made_from)
    _write(root, settings)
    contract = load_contract(root / given.contract.file).without_label()
    return Project(root, contract.columns, contract.keys, given.ingest.partition_by)


def _settings(master: str) -> Any:
    """The repository's params.yaml, changed only where a night of millions of rows must differ."""
    tree = YAML(typ="rt").load(ROOT / layout.PARAMS)
    tree["store"] = "store"
    tree["train"] |= {"calibration": "none", "folds": 2, "candidates": CANDIDATES}
    tree["bundle"]["allow_types"] = [TREE]
    tree["score"].pop("reasons", None)  # measured by themselves
    tree["contract"]["night"] = [
        rule for rule in tree["contract"]["night"] if rule["rule"] != "row_count"
    ]
    tree["spark"] = {"master": master, "conf": dict(SPARK_CONF)}
    return tree


def _write(root: Path, settings: Any) -> None:
    with (root / layout.PARAMS).open("w", encoding="utf-8") as file:
        YAML(typ="rt").dump(settings, file)


def _sources() -> list[Path]:
    """What decides the models: the code of the stages that make them, and what they read."""
    later = {"evaluate", "gate", "leakage", "monitor", "registry", "score", "store"}
    package = ROOT / "pipeline"
    code = [
        path
        for path in sorted(package.rglob("*.py"))
        if path.relative_to(package).parts[0] not in later
    ]
    return [*code, Path(__file__), ROOT / layout.PARAMS, *(ROOT / path for path in COPIED)]


def _export(root: Path, given: params.Params, name: str) -> None:
    loaded = bundle.load(
        root / layout.CANDIDATES / name, expected=None, allow_types=given.bundle.allow_types
    )
    path = Project(root, (), (), "").fitted(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps(loaded.model.estimator))
