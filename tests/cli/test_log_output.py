"""What rooms log while a command works is shown as it is, and nothing of that is left behind."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from assay.cli import log_output


@pytest.fixture
def logger(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    """Assay's, as Python makes it."""
    found = logging.getLogger("assay")
    monkeypatch.setattr(found, "propagate", True)
    monkeypatch.setattr(found, "handlers", [])
    found.setLevel(logging.NOTSET)
    return found


def test_a_remark_is_a_line_on_what_is_standard_error_then(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = io.StringIO(), io.StringIO()
    with log_output.log_to_stderr():
        for stream in (first, second):
            monkeypatch.setattr(sys, "stderr", stream)
            logging.getLogger("assay.score.run").info("%d of %s, [bold]", 1, "2 MB")
            logging.getLogger("assay.score.run").debug("not said")
            logging.getLogger("elsewhere").info("not said")
    assert first.getvalue() == second.getvalue() == "1 of 2 MB, [bold]\n"


def test_the_logging_of_a_program_that_calls_it_is_as_it_was(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ZeroDivisionError), log_output.log_to_stderr():
        assert (logger.level, logger.propagate) == (logging.INFO, False)
        raise ZeroDivisionError
    assert (logger.level, logger.propagate, logger.handlers) == (logging.NOTSET, True, [])
    logger.info("to nobody")
    assert capsys.readouterr() == ("", "")
