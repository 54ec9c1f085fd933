"""Every page that Assay makes is sound HTML, and can be used by anyone at any width.

Of the pages that end with Evidently's report, that part is its own: it is left out, but for how
wide it makes the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from justhtml import JustHTML

from assay.contract import stage as contract
from assay.contract.loader import load_contract_text
from assay.errors import LimitCrossed
from assay.evaluation import compare_page as comparison
from assay.gate import verdict_page
from assay.metrics.labelled_scores import LabelledScores
from assay.model.reasons import Change, Reason
from assay.monitor import monitor_nights
from assay.monitor.front import command as front
from assay.monitor.nights.night import Night
from assay.pages import templating
from assay.pages.templating import compose_page
from assay.plan import page as plan_page
from assay.project.params import parse
from assay.reports.verdict import Finding, JudgedChampion, Outcome, Waiver
from assay.score.operations import why_page
from assay.score.operations.version_before import Before
from assay.score.operations.why import Why
from tests.browser import CHROMIUM, MISSING, MORE_WIDTHS, WIDTHS, Browser, browser
from tests.builders import plans
from tests.contract.test_stage import CONTRACT, result_of
from tests.evaluation.test_evaluate_page import page_of
from tests.gate.test_verdict_page import finding
from tests.monitor.front.conftest import scene
from tests.monitored import PARAMS, Project
from tests.reports.test_comparison import FOUND
from tests.verdicts import verdict

DIGESTS = {name: "sha256:" + f"{i}" * 64 for i, name in enumerate(("bundle", "data", "policy"))}
ROWS = 1500


def verdict_html() -> str:
    waived = Waiver(because="a fix is coming", owner="ops", until="2030-05-31")
    findings = [
        finding(Outcome.FAIL, rule="ranks late flights", detail="auc 0.65 is below 0.7", low=0.61),
        finding(Outcome.FAIL, waiver=waived, detail="too low"),
        finding(Outcome.INCONCLUSIVE, slice="origin=JFK", detail="300 rows are too few"),
        finding(Outcome.INCONCLUSIVE, tolerated=True, limit=0.79999999),
        *(finding(rule=f"rule {i}", observed=10.0**i, low=None, high=None) for i in range(-6, 7)),
        Finding(rule="later is worse", kind="behaviour", outcome=Outcome.PASS, detail="held"),
        Finding(rule="tests/model/test_a.py::b", kind="test", outcome=Outcome.FAIL, detail="no"),
    ]
    champion = JudgedChampion(state="compared", version="v0.1.0", bundle="sha256:" + "c" * 64)
    told = verdict(*findings, champion=champion, types=("sklearn.tree.Tree",), **DIGESTS)
    return verdict_page.render_page(told, 0.95)


def scored(task: str) -> LabelledScores:
    random = np.random.default_rng(1)
    if task == "binary":
        p = random.beta(2, 3, ROWS)
        return LabelledScores("binary", random.random(ROWS) < p, p, (), 0.4)
    if task == "regression":
        truth = random.gamma(2, 1e6, ROWS)
        return LabelledScores("regression", truth, truth + random.normal(-20, 5e5, ROWS))
    p = random.dirichlet([3, 2, 1], ROWS)
    truth = (random.random(ROWS)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    return LabelledScores("multiclass", truth, p, ("early", "late", "lost"))


def monitored(root: Path) -> Iterator[tuple[str, str]]:
    """A week of a project: two ordinary nights, two that are far off."""
    project = Project(root, parse(PARAMS, "params.yaml"))
    project.promote()
    use = (
        "Ranks the flights of the next day, so that a dispatcher calls the latest ones first. " * 6
    )
    project.set("card", owner="Data science", contact="night@example.com", intended_use=use)
    days = [f"2013-02-0{day}" for day in range(4, 8)]
    for day, shift in zip(days, (0.0, 0.0, 2.0, 2.0), strict=True):
        project.score(day, f"run-{day}", shift=shift)
    with pytest.raises(LimitCrossed):
        monitor_nights.run(root, project.params, days[0], days[-1])
    for name, path in {
        "night": f"nights/{days[0]}.html",
        "night in an incident": f"nights/{days[-1]}.html",
        "Evidently's report of a night": f"nights/{days[-1]}.evidently.html",
        "front of a project": "index.html",
        "runbook": "runbook.html",
    }.items():
        yield name, (root / "reports" / path).read_text(encoding="utf-8")


def odd_nights() -> str:
    nights = [
        Night("a/b%", "published", page=True),
        Night("held", "held", note="held: why"),
        Night("retracted", "retracted", note="taken back by Ada: wrong day"),
        Night("unfinished", "unfinished", note="started and never ended"),
    ]
    return front.render(replace(scene(2), nights=tuple(nights)))


def reasons(most: int) -> Why:
    """A row of many features, one of which says much."""
    added = [3.0 / (1 + place) * (-1) ** place for place in range(30)]
    told = [
        Reason(f"f{place}", f"what <b>feature</b> {place} is " * 3, None, each, abs(each) / 12)
        for place, each in enumerate(added)
    ]
    changes = (
        Change("f1", 4.0, 3.25, "at most", True, 0.6),
        Change("f2", "<i>", "other", "", True, 0.5),
    )
    known = {"key": {"parcel": 1}, "partition": "2024-03-01", "run_id": "r", "version": "v0.1.0"}
    return Why(
        **known, bundle=DIGESTS["bundle"], prediction=False, score=0.4, threshold=0.5, output=None,
        scale="log odds", against="population", compared="all training rows",
        base=-1.0, raw=-1.0 + sum(added), uncalibrated=0.3,
        reasons=tuple(told[:most]), changes=changes[:most],
        before=Before(unknown="no other version held the stage prod before v1.0.0"),
    )  # fmt: skip


MADE: Mapping[str, Callable[[], str]] = {
    "contract that holds": lambda: contract.render_html(
        load_contract_text(CONTRACT, "c.py"), result_of(0)
    ),
    "contract that is broken": lambda: contract.render_html(
        load_contract_text(CONTRACT, "c.py"), result_of(3, bad=3, table_broken=True)
    ),
    "verdict": verdict_html,
    "verdict on nothing": lambda: verdict_page.render_page(verdict(), 0.95),
    "comparison": lambda: compose_page(comparison.headline(FOUND), comparison.render(FOUND)),
    "front": lambda: front.render(scene(90)),
    "front of many columns": lambda: front.render(scene(30, 60)),
    "front of nights that are no days": odd_nights,
    "front before the first night": lambda: front.render(scene(0)),
    "evaluation of two classes": lambda: page_of(scored("binary"), np.repeat(["JFK", "L"], 750)),
    "evaluation of several": lambda: page_of(scored("multiclass"), np.repeat("JFK", ROWS)),
    "a plan": lambda: plan_page.html(plans.plan(), plans.moved_rows()),
    "a plan of nothing": lambda: plan_page.html(plans.plan(plan=None, nights=(), slices=()), ()),
    "why a row got its score": lambda: why_page.html(reasons(30), 10),
    "why, without a feature": lambda: why_page.html(reasons(0), 10),
    "evaluation of numbers": lambda: page_of(scored("regression"), np.repeat("JFK", ROWS)),
}
MONITORED = (
    "night",
    "night in an incident",
    "Evidently's report of a night",
    "front of a project",
    "runbook",
)
PAGES = (*MADE, *MONITORED)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that the pages of nights are of."""
    found = tmp_path_factory.mktemp("pages") / "project"
    found.mkdir()
    return found


@pytest.fixture(scope="module")
def pages(root: Path) -> dict[str, str]:
    templating._environment.cache_clear()
    return {**{name: make() for name, make in MADE.items()}, **dict(monitored(root))}


@pytest.fixture(scope="module")
def opened(
    root: Path, pages: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Browser]]:
    folder = tmp_path_factory.mktemp("opened")
    with browser() as found:

        def open_page(name: str) -> Browser:
            path = folder / "page.html"
            path.write_text(pages[name], encoding="utf-8")
            found.open(path)
            return found

        yield open_page


@pytest.mark.parametrize("name", PAGES)
def test_it_is_sound_html(name: str, pages: dict[str, str]) -> None:
    # Evidently's part is cut out: only what holds it is ours.
    ours = re.sub(
        r'(<section class="theirs"[^>]*>).*(</section>)', r"\1\2", pages[name], flags=re.DOTALL
    )
    found = JustHTML(ours, collect_errors=True)
    assert [str(error) for error in found.errors] == []
    assert ours.count("<main") == ours.count("</main>") == 1


@pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
@pytest.mark.parametrize("name", PAGES)
def test_anyone_can_use_it(name: str, opened: Callable[[str], Browser]) -> None:
    found = opened(name)
    problems = {width: found.problems(width) for width in WIDTHS}
    assert problems == {width: [] for width in WIDTHS}
    assert found.unfit(MORE_WIDTHS) == {}
    assert [line for line in found.said if "Content Security Policy" in line] == []
    assert found.errors == []


@pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
@pytest.mark.parametrize("name", PAGES)
def test_it_needs_no_mouse(name: str, opened: Callable[[str], Browser]) -> None:
    found = opened(name)
    stops = found.tab()
    assert "Skip to the content" in stops[0]["what"]
    assert [stop["what"] for stop in stops if not stop["seen"]] == []
    # In the order of the page, each once.
    places = [stop["id"] for stop in stops]
    assert places == sorted(set(places))
    for stop in stops:
        if whole := re.search(r'<input .*value="([^"]*)', stop["what"]):
            assert stop["chosen"].startswith(whole[1])


@pytest.mark.usefixtures("pages")
def test_no_template_was_forgotten() -> None:
    used = {name for _, name in templating._environment().cache}
    folder = Path(templating.__file__).parent / "templates"
    assert used == {path.name for path in folder.iterdir() if path.suffix != ".md"}


def test_wrong_html_is_seen() -> None:
    text = compose_page("title", "<p>one<div>two</p>").replace("<nav", "<b><nav")
    assert JustHTML(text, collect_errors=True).errors
