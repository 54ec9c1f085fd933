"""A contract's own code cannot end the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import assay
from assay.contract.checks.row_checks import check_rows
from assay.contract.contract_file import run_guarded
from assay.errors import ContractFileError
from tests.contract.test_loader import HEAD, NEXT, read, refused

HOME = Path(assay.__file__).resolve().parents[1]
ENDINGS = {
    "import sys; sys.exit(0)": "it calls sys.exit(0)",
    "raise SystemExit": "it calls sys.exit()",
    "import os; os._exit(0)": "it calls os._exit(0)",
    "from os import _exit; _exit(3)": "it calls os._exit(3)",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_ends_the_process_is_refused(ending: str) -> None:
    line = refused(head=f"{HEAD}\n{ending}\n")
    assert line.startswith(f"data/contract.py:{NEXT + 1}: the file does not come to its end")
    assert ENDINGS[ending] in line


@pytest.mark.parametrize("ending", ENDINGS)
def test_so_is_a_check_before_there_is_a_row(ending: str) -> None:
    line = refused(
        f"""
        @pa.check("distance")
        def far(cls, distance: pd.Series) -> pd.Series:
            try:
                {ending}
            except Exception:
                pass
        """
    )
    assert line.startswith(
        f"data/contract.py:{NEXT + 4}: rule 'distance: far' does not come to its end"
    )
    assert ENDINGS[ending] in line


def test_so_is_one_that_does_so_at_a_row() -> None:
    contract = read(
        """
        @pa.check("distance")
        def far(cls, distance: pd.Series) -> pd.Series:
            return distance.map(lambda each: __import__('os')._exit(0)).astype(bool)
        """
    )
    rows = pa.record_batch(
        {
            "id": [1],
            "at": pa.array([0], pa.timestamp("us")),
            "distance": [1.0],
            "late": [True],
        }
    )
    with pytest.raises(ContractFileError, match="rule 'distance: far' does not come to its end"):
        check_rows(contract, rows)


def test_a_command_ends_with_a_line_and_its_code(tmp_path: Path) -> None:
    """The process itself is alive: os._exit(0) once ended it without a word, with success."""
    (tmp_path / "contract.py").write_text(f"{HEAD}\nimport os; os._exit(0)\n", encoding="utf-8")
    code = (
        "from pathlib import Path; from assay.contract.loader import load_contract\n"
        "try: load_contract(Path('contract.py'))\n"
        "except Exception as error: print(error.line()); raise SystemExit(error.exit_code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(HOME)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (ContractFileError.exit_code, "")
    assert "it calls os._exit(0)" in done.stdout


def test_what_is_not_guarded_may_still_end() -> None:
    """Above all a process that was forked, whoever forked it."""

    def fork() -> int:
        child = os.fork()
        if child == 0:
            os._exit(7)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert run_guarded(fork) == 7
    assert fork() == 7


def test_it_gives_what_the_work_gives_and_raises_what_it_raises() -> None:
    assert run_guarded(lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        run_guarded(lambda: 1 // 0)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        run_guarded(lambda: np.float64(1) / 0)
