"""A week is its nights' counts, added up, under the answers that they were given."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from assay.cli import __main__ as cli
from assay.cli.show import overview
from assay.errors import NothingScored, UsageError
from assay.monitor import monitor_range
from assay.monitor.evidently.page import ReportPage
from assay.monitor.week import command as week
from assay.monitor.week.merge import describe_counts, means
from assay.project.params.drift import Budget, Snooze
from assay.store import open_store

DAYS = [f"2013-02-{day:02}" for day in range(4, 11)]
TITLE = "2013-W06"


def scored(project: Any, shifts: str) -> Any:
    """A night a character from Monday on: ``!`` is shifted, a space is not scored."""
    for day, shift in zip(DAYS, shifts, strict=False):
        if shift != " ":
            project.score(day, f"run-{day[-2:]}", shift=2.0 if shift == "!" else 0.0)
    budget = Budget(nights=2, of=3, false_alarms=20)
    monitor = project.params.monitor.model_copy(update={"budget": budget})
    project.params = project.params.model_copy(update={"monitor": monitor})
    return project


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        week.page, "render_page", lambda title, ours, shown: ReportPage(f"<h1>{title}</h1>{ours}")
    )


def page_of(project: Any) -> str:
    found: str = (project.root / f"reports/weeks/{TITLE}.html").read_text(encoding="utf-8")
    return found


@pytest.mark.usefixtures("plain")
def test_counts_are_those_of_all_rows_together(project: Any) -> None:
    scored(project, "..!")
    found = week.run(project.root, project.params, TITLE)
    (part,) = found.parts
    store = open_store(project.root, project.params)
    nights = [store.profile(f"run-{day[-2:]}", day) for day in DAYS[:3]]
    for column in part.told.columns:
        assert column.now is not None
        together = [
            sum(each) for each in zip(*(n[column.name].counts for n in nights), strict=True)
        ]
        assert list(column.now.counts) == together
        assert column.now.rows == sum(night[column.name].rows for night in nights) == 3 * 298
    assert (found.total("rows_read"), found.total("rows_quarantined")) == (900, 6)
    assert part.told.rules == {"x: finite": 6, "c: isin": 3}


@pytest.mark.usefixtures("plain")
def test_answers_are_those_of_the_nights(project: Any) -> None:
    scored(project, "..!! .!")
    found = week.run(project.root, project.params, TITLE)
    document = found.tree()
    assert document == json.loads((project.root / f"reports/weeks/{TITLE}.json").read_text())
    with pytest.raises(Exception, match="open at the end"):
        monitor_range.run(project.root, project.params, DAYS[0], DAYS[-1])
    book = json.loads((project.root / "reports/incidents.json").read_text())
    assert document["open"] == [i["id"] for i in book["incidents"] if i["state"] == "open"] != []
    assert document["nights"] == book["nights"] == [day for day in DAYS if day != DAYS[4]]
    columns = {each["column"]: each for each in document["parts"][0]["columns"]}
    nights = book["alarms"].values()  # a column may be in alarm for several reasons
    alarms = [name for night in nights for name in {each["column"] for each in night}]
    assert {name: columns[name]["nights_in_alarm"] for name in columns} == {
        name: alarms.count(name) for name in columns
    }
    assert columns["x"]["nights_over"] == 3 and columns["c"]["nights_over"] == 0
    standing = {each.name: each.standing for each in found.parts[0].told.columns}
    assert standing == {"x": "bad", "probability": "bad", "c": "ok"}
    text = page_of(project)
    assert found.headline() in text and "nothing is published" in text
    assert f'<a href="../nights/{DAYS[0]}.html">' not in text, "it had no page then"
    week.run(project.root, project.params, TITLE)
    assert f'<a href="../nights/{DAYS[0]}.html">' in page_of(project)


@pytest.mark.usefixtures("plain")
def test_what_is_snoozed_is_shown_and_not_called_bad(project: Any) -> None:
    scored(project, ".!!")
    names = ("x", "probability")
    snoozes = tuple(
        Snooze(column=name, because="a test", owner="ops", until="2013-02-28") for name in names
    )
    monitor = project.params.monitor.model_copy(update={"snooze": snoozes})
    project.params = project.params.model_copy(update={"monitor": monitor})
    found = week.run(project.root, project.params, TITLE)
    assert found.open == () and found.headline() == "No incidents open at the end of 2013-W06"
    standing = {each.name: each.standing for each in found.parts[0].told.columns}
    assert standing == {"x": "odd", "probability": "odd", "c": "ok"}


def test_two_models_are_not_mixed_and_the_page_is_whole(project: Any) -> None:
    scored(project, "..")
    project.promote(2)
    for day in DAYS[2:4]:
        project.score(day, f"run-{day[-2:]}")
    found = week.run(project.root, project.params, TITLE)
    assert [(part.version, len(part.days)) for part in found.parts] == [
        ("v0.1.0", 2),
        ("v0.2.0", 2),
    ]
    assert len({part.bundle for part in found.parts}) == 2
    text = page_of(project)
    assert len(text.encode()) < 5_000_000
    assert text.count(f"{TITLE}, on all 596 scored rows.") == 2
    assert "v0.1.0, then v0.2.0" in text
    # A share of monitor.sample_rows from each night.
    assert text.count("A sample of 74 rows, for looking at") == 2 and found.sample_rows == 148
    known = ("data:", "../nights/", "../index.html", "#", "evidently-")
    assert [a for a in Addresses(text).found if not a.startswith(known)] == []


class Addresses(HTMLParser):
    """Every address that the document itself would open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in {"src", "href"}]


@pytest.mark.parametrize("given", ["2013-36", "2013-W54", "2013-w06", "36", "٢٠١٣-W06", "0000-W01"])
def test_what_is_no_week(project: Any, given: str) -> None:
    with pytest.raises(UsageError, match="no such week") as said:
        week.run(project.root, project.params, given)
    assert said.value.exit_code == 2


def test_a_week_of_which_nothing_is_published(project: Any) -> None:
    scored(project, ".")
    with pytest.raises(NothingScored, match="assay score --from 2013-02-11 --to 2013-02-17"):
        week.run(project.root, project.params, "2013-W07")


def row(value: float, rows: int, days: int | None = None, metric: str = "auc") -> dict[str, Any]:
    known = {
        "metric": metric,
        "estimated": days is None,
        "maturity_days": days,
        "low": 0,
        "high": 1,
    }
    return {**known, "value": value, "rows": rows, "labelled_share": None if days is None else 0.5}


def found(nights: list[list[dict[str, Any]]]) -> list[tuple[Any, ...]]:
    return [(each["maturity_days"], each["value"], each["rows"]) for each in means(nights)]


def test_means_are_over_nights_that_have_both_and_at_one_age() -> None:
    one = [row(0.7, 100), row(0.6, 40, 1), row(0.65, 60, 7), row(0.66, 60, 30)]
    two = [row(0.8, 300), row(0.5, 10, 1), row(0.55, 20, 7)]
    three = [row(0.1, 900)]
    assert found([one, two, three]) == [
        (None, pytest.approx((0.7 * 60 + 0.8 * 20) / 80), 80),
        (7, pytest.approx((0.65 * 60 + 0.55 * 20) / 80), 80),
    ]
    assert found([three, one[:1]]) == [(None, pytest.approx((0.1 * 900 + 0.7 * 100) / 1000), 1000)]
    assert found([[row(0.2, 10, 7, "mean_observed")], two]) == [
        (7, 0.2, 10),
        (None, pytest.approx(0.8), 20),
        (7, pytest.approx(0.55), 20),
    ]
    assert found([[row(0.2, 0, 7)], []]) == []


def test_words_say_on_how_many_nights() -> None:
    assert describe_counts(6, 0, 0) == "within its limits on all 6 nights"
    assert describe_counts(6, 1, 0) == "over a limit on 1 of 6 nights, never in alarm"
    assert describe_counts(6, 0, 4) == "over a limit on none of 6 nights, in alarm on 4"


def test_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        cli.main(["report", "--help"])
    assert "Example: assay report --week 2013-W36" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["report"])
    assert "--week" in capsys.readouterr().err


@pytest.mark.usefixtures("plain")
def test_of_nights_that_are_weeks_no_day_is_missing(project: Any) -> None:
    for day in ("2013-01-28", "2013-02-04", "2013-02-18"):
        project.score(day, f"run-{day}")
    found = week.run(project.root, project.params, TITLE)
    assert [line.partition(": ")[2] for line in overview.week_lines(found)][1:-1] == [
        "1 night, 298 rows scored, 2 quarantined"
    ]
    with pytest.raises(NothingScored, match=r"found 2013-02-04 as the last one before it.*no days"):
        week.run(project.root, project.params, "2013-W07")
