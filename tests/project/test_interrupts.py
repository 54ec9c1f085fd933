"""How a command ends: by Ctrl-C, and while a thread waits for an answer that never comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.projects import ROOT

LOST = """
import sys, time
from assay.cli import __main__ as cli
from assay.cli.__main__ import GROUPS
from assay.project import interrupts

def work(given):
    try:
        print("at work", flush=True)
        time.sleep(60)
    except BaseException:
        pass  # as a finalizer loses it
    print("noise of another library", file=sys.stderr, flush=True)
    {then}

GROUPS[0]("work", "work")(work)
sys.exit(cli.main(["work"]))
"""


def interrupted(then: str) -> tuple[int, str]:
    """Code and standard error of a command that loses an interrupt and goes on."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOST.format(then=then)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    return process.wait(60), process.communicate()[1].decode()


@pytest.mark.parametrize(
    "then",
    [
        "pass",
        "raise ValueError('Answer from Java side is empty')",
        "interrupts.raise_if_interrupted()",
    ],
)
def test_an_interrupt_that_got_lost_still_ends_the_command_with_one_line(then: str) -> None:
    assert interrupted(then) == (130, "assay: interrupted\n")


BETWEEN = """
import os, signal, sys
from contextlib import contextmanager
from assay.cli import __main__ as cli
from assay.cli.__main__ import GROUPS

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

@contextmanager
def log_to_stderr():
    {before}
    yield
    {after}

cli.log_to_stderr = log_to_stderr
parsed = cli.build_parser
def build_parser():
    {while_parsing}
    return parsed()

cli.build_parser = build_parser
GROUPS[0]("work", "work")(lambda call: None)
sys.argv = ["assay", "work"]
cli.run_program()
"""


@pytest.mark.parametrize("moment", ["while_parsing", "before", "after"])
def test_an_interrupt_just_before_or_after_the_command_ends_it_the_same_way(moment: str) -> None:
    moments = dict.fromkeys(["while_parsing", "before", "after"], "pass")
    done = subprocess.run(
        [sys.executable, "-c", BETWEEN.format(**moments | {moment: "interrupt()"})],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "assay: interrupted\n")


def test_an_interrupt_while_a_class_is_made_of_text_ends_a_module_the_same_way(
    tmp_path: Path,
) -> None:
    moments = {"while_parsing": "exec('interrupt()', globals())", "before": "pass", "after": "pass"}
    (tmp_path / "between.py").write_text(BETWEEN.format(**moments))
    done = subprocess.run(
        [sys.executable, "-m", "between"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "assay: interrupted\n")


UNANSWERED = """
import atexit, threading
from assay.project import interrupts

never = threading.Event()
asking = interrupts.Unawaited(never.wait, "asks")
asking.start()
atexit.register(lambda: print("libraries ended"))
print("done")
{answer}
interrupts.end({code})
"""
ANSWERED = "never.set(); asking.join()"


@pytest.mark.parametrize(
    ("answer", "code", "printed"),
    [
        ("", 7, "done\n"),
        (ANSWERED, 7, "done\nlibraries ended\n"),
        (ANSWERED, 130, "done\n"),
    ],
)
def test_a_thread_that_still_asks_is_left_and_so_is_all_after_an_interrupt(
    answer: str, code: int, printed: str
) -> None:
    text = UNANSWERED.format(answer=answer, code=code)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (code, printed, "")


WRITING = """
import io, os, signal, sys
from assay.cli import __main__ as cli
from assay.cli.__main__ import GROUPS

class Raw(io.RawIOBase):
    def writable(self):
        return True

    def write(self, line):
        os.kill(os.getpid(), signal.SIGINT)
        return len(line)

sys.stderr = io.TextIOWrapper(io.BufferedWriter(Raw()), line_buffering=True)
GROUPS[0]("work", "work")(lambda call: print("a line", file=sys.stderr))
sys.argv = ["assay", "work"]
cli.run_program()
"""


def test_an_interrupt_while_a_line_is_written_is_told() -> None:
    done = subprocess.run([sys.executable, "-c", WRITING], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "assay: interrupted\n")
