"""A contract's own code can neither end the process nor keep it waiting for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import assay
from assay.contract.checks import guard
from assay.contract.checks.guard import ContractCodeStopped, run_guarded
from assay.contract.checks.row_checks import check_rows
from assay.errors import ContractFileError
from tests.contract.test_loader import HEAD, NEXT, read, refused

HOME = Path(assay.__file__).resolve().parents[1]
ENDINGS = {
    "import sys; sys.exit(0)": "it calls sys.exit(0)",
    "raise SystemExit": "it calls sys.exit()",
    "import os; os._exit(0)": "it calls os._exit(0)",
    "from os import _exit; _exit(3)": "it calls os._exit(3)",
    "raise KeyboardInterrupt": "it raises KeyboardInterrupt",
    "import time; time.sleep(1e6)": "no answer in 2 s",
}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever hangs is given up soon; what does not is far quicker than that."""
    monkeypatch.setattr(guard, "AT_LOAD", 2.0)
    monkeypatch.setattr(guard, "ON_ROWS", 2.0)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_ends_the_process_or_hangs_is_refused(ending: str) -> None:
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


@pytest.mark.parametrize("ending", ["__import__('os')._exit(0)", "__import__('time').sleep(1e6)"])
def test_so_is_one_that_does_so_at_a_row(ending: str) -> None:
    contract = read(
        f"""
        @pa.check("distance")
        def far(cls, distance: pd.Series) -> pd.Series:
            return distance.map(lambda each: {ending}).astype(bool)
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

    assert run_guarded(fork, 60.0) == 7
    assert fork() == 7


def test_it_gives_what_the_work_gives_and_raises_what_it_raises() -> None:
    assert run_guarded(lambda: 5, 60.0) == 5
    with pytest.raises(ZeroDivisionError):
        run_guarded(lambda: 1 // 0, 60.0)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        run_guarded(lambda: np.float64(1) / 0, 60.0)


def test_a_thread_that_was_left_behind_does_not_keep_the_process() -> None:
    let_go = threading.Event()
    with pytest.raises(ContractCodeStopped, match=r"no answer in 0\.1 s"):
        run_guarded(let_go.wait, 0.1)
    left = [each for each in threading.enumerate() if each.name == "contract"]
    assert left and all(each.daemon for each in left)
    let_go.set()


def test_a_thread_keeps_its_guarded_one_until_it_ends() -> None:
    seen: list[threading.Thread] = []

    def twice() -> None:
        seen.extend(run_guarded(threading.current_thread, 60) for _ in range(2))

    one, other = threading.Thread(target=twice), threading.Thread(target=twice)
    for each in (one, other):
        each.start()
        each.join()
    assert seen[0] is seen[1] is not seen[2] is seen[3]
    for each in seen:
        each.join(60)
        assert not each.is_alive()


def test_after_a_timeout_nobody_gets_the_late_answer() -> None:
    late, came = threading.Event(), threading.Event()

    def slow() -> str:
        late.wait()
        came.set()
        return "late"

    with pytest.raises(ContractCodeStopped, match=r"no answer in 0\.05 s"):
        run_guarded(slow, 0.05)
    late.set()
    assert came.wait(60)
    assert run_guarded(lambda: "mine", 60) == "mine"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_starts_a_guarded_thread_of_its_own() -> None:
    run_guarded(lambda: None, 60)
    child = os.fork()
    if child == 0:
        os._exit(7 if run_guarded(lambda: 7, 30) == 7 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
