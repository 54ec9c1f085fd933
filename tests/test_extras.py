"""What works where only a part of Assay's libraries is installed, and what the rest says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.errors import ExtraMissing, LimitCrossed
from assay.project.extras import EXTRAS
from tests import bare, scored

NIGHT, NEXT = "2024-03-01", "2024-03-02"
NO_EXTRA, SPARK = (), ("spark",)
WITHOUT_EXTRA = (
    *("stage contract", "stage prepare", "stage leakage", "stage evaluate", "stage compare"),
    *("stage nights", "stage select", "stage gate", "gate verdict", "versions"),
    f"monitor --date {NIGHT}",
    *(f"monitor --from {NIGHT} --to {NIGHT}", "performance --metric auc", "status", "front"),
    *(f"quarantine show --date {NIGHT}", f"export --date {NIGHT} --to csv:exports/night.csv"),
    *("vacuum --dry-run", "fsck"),
)
CALLS = """
import json, sys
from assay.cli.__main__ import main
print("\\n" + json.dumps({words: main(words.split()) for words in sys.argv[1:]}))
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def pythons(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], Path]:
    """Extras -> the Python of an environment with these alone."""
    folder = tmp_path_factory.mktemp("environments")
    return {
        extras: bare.make(folder / ("-".join(extras) or "none"), *extras)
        for extras in (NO_EXTRA, SPARK)
    }


@pytest.fixture(scope="module")
def project(
    promoted: Path, tmp_path_factory: pytest.TempPathFactory, call: Callable[..., str]
) -> Path:
    """A promoted project with one published night, scored where everything is installed."""
    root = tmp_path_factory.mktemp("extras") / "parcels"
    shutil.copytree(promoted, root, symlinks=True)
    call(root, "assay", "score", "--date", NIGHT)
    return root


@pytest.fixture
def run(pythons: dict[tuple[str, ...], Path], project: Path) -> Run:
    def assay(extras: tuple[str, ...], *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        # None of the tools that stand beside the Python of the tests.
        return subprocess.run(
            [pythons[extras], "-m", "assay.cli", *arguments],
            cwd=project,
            env={**kept, "PATH": os.defpath},
            capture_output=True,
            text=True,
        )

    return assay


def test_the_environment_lacks_what_extras_bring(pythons: dict[tuple[str, ...], Path]) -> None:
    code = "import sys, importlib.util as u; print([m for m in sys.argv[1:] if u.find_spec(m)])"
    tops = [top for modules in EXTRAS.values() for top in modules]
    for extras, python in pythons.items():
        done = subprocess.run([python, "-c", code, *tops], capture_output=True, text=True)
        there = [top for extra in extras for top in EXTRAS[extra]]
        assert (done.stdout.strip(), done.stderr) == (str(there), "")


def test_monitoring_and_gating_need_no_extra(
    run: Run, pythons: dict[tuple[str, ...], Path], project: Path
) -> None:
    """One process: what an environment has not, no command finds there that another loaded."""
    assert run(NO_EXTRA, "--version").returncode == 0
    crossed = {f"drift data/raw/day={NIGHT}": LimitCrossed.exit_code}
    asked = [*WITHOUT_EXTRA, *crossed]
    done = subprocess.run(
        [pythons[NO_EXTRA], "-P", "-c", CALLS, *asked],
        cwd=project,
        env={**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, "PATH": os.defpath},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    codes = json.loads(done.stdout.splitlines()[-1])
    assert [*codes] == asked
    wrong = {words: code for words, code in codes.items() if code not in (0, crossed.get(words))}
    assert not wrong, done.stderr


@pytest.mark.parametrize(
    ("arguments", "needs"),
    [
        (("stage", "train", "logistic"), "scikit-learn: pip install 'assay[train]'"),
        (("stage", "rehearse"), "skops: pip install 'assay[train]'"),
        (("check", "--lock"), "dvc: pip install 'assay[dvc]'"),
        (("promote", "--because", "x"), "dvc: pip install 'assay[dvc]'"),
        (("score", "--date", NEXT, "--carrier", "files"), "pyspark: pip install 'assay[spark]'"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_a_missing_extra_is_one_line(run: Run, arguments: tuple[str, ...], needs: str) -> None:
    done = run(NO_EXTRA, *arguments)
    assert done.stderr.splitlines()[-1:] == [f"assay: this needs {needs}"], done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == ExtraMissing.exit_code


def test_a_page_without_evidently_says_so(run: Run, project: Path) -> None:
    page = project / "reports" / "nights" / f"{NIGHT}.html"
    page.unlink(missing_ok=True)
    run(NO_EXTRA, "monitor", "--date", NIGHT, "--evidently")
    assert "Evidently is not installed where this page was written" in page.read_text("utf-8")


@pytest.mark.parametrize(("extras", "carrier"), [(NO_EXTRA, "auto"), (SPARK, "files")])
def test_a_compiled_model_scores_a_night_with_no_more_than_its_carrier_needs(
    run: Run, project: Path, call: Callable[..., str], extras: tuple[str, ...], carrier: str
) -> None:
    done = run(extras, "score", "--date", NEXT, "--carrier", carrier, "--force")
    assert done.returncode == 0, done.stderr
    ours = scored.rows(project, NEXT)
    call(project, "assay", "score", "--date", NEXT, "--force")
    assert len(ours) > 0
    assert scored.rows(project, NEXT).equals(ours)
