"""Reports of many nights are drawn beside each other, and each is there when the block ends."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from assay.monitor.evidently import drawing
from assay.monitor.evidently.drawing import ReportDrawer
from tests.monitor.evidently.test_page import Judged, judged

__all__ = ["judged"]


def test_processes_draw_what_this_one_does(
    tmp_path: Path, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "own_cores", lambda: 2)
    files = [tmp_path / f"{number}.html" for number in range(2)]
    with ReportDrawer(2 * drawing.FEW) as reports:
        for file in files:
            reports.draw(file, "late-flights", "ours", [(judged.told, judged.sample)])
    with ReportDrawer(1) as reports:
        alone = tmp_path / "alone.html"
        reports.draw(alone, "late-flights", "ours", [(judged.told, judged.sample)])
        assert alone.exists(), "one report is drawn at once"
    size = alone.stat().st_size
    (code,) = tmp_path.glob("evidently-*.js")
    assert f'src="{code.name}"' in alone.read_text(encoding="utf-8") and size < 500_000
    assert len(list(tmp_path.glob("evidently-*.css"))) == 1
    assert [abs(file.stat().st_size - size) < 0.01 * size for file in files] == [True, True]


class Pool:
    """A pool whose processes all end with an error."""

    def __init__(self, error: BaseException) -> None:
        self.error, self.shut = error, False

    def submit(self, *_: Any) -> Future[None]:
        found: Future[None] = Future()
        found.set_exception(self.error)
        return found

    def shutdown(self, cancel_futures: bool = False) -> None:
        self.shut = cancel_futures

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(drawing, "own_cores", lambda: 2)
    monkeypatch.setattr(drawing, "_draw", lambda file, *_: file.write_text("here"))

    def of(error: BaseException) -> ReportDrawer:
        monkeypatch.setattr(drawing, "process_pool", lambda _: Pool(error))
        return ReportDrawer(2 * drawing.FEW)

    return of


def test_what_a_lost_process_left_is_drawn_here(tmp_path: Path, reports: Any) -> None:
    with reports(BrokenProcessPool("gone")) as drawer:
        drawer.draw(tmp_path / "a.html", "title", "", [])
    assert (tmp_path / "a.html").read_text() == "here"


def test_an_error_of_a_process_is_the_command_s(tmp_path: Path, reports: Any) -> None:
    with pytest.raises(ZeroDivisionError), reports(ZeroDivisionError()) as drawer:
        drawer.draw(tmp_path / "a.html", "title", "", [])


def test_after_an_error_nothing_more_is_drawn(tmp_path: Path, reports: Any) -> None:
    drawer = reports(BrokenProcessPool("gone"))
    with pytest.raises(KeyboardInterrupt), drawer:
        drawer.draw(tmp_path / "a.html", "title", "", [])
        raise KeyboardInterrupt
    assert drawer._pool.shut and not (tmp_path / "a.html").exists()
