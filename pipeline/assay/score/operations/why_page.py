"""The page of one row's score: a waterfall from what is usual to what the row got.

It holds the cells of a row, so it is written to no place that git would add.
"""

from __future__ import annotations

from pathlib import Path

from assay.errors import UsageError
from assay.pages.svg import BLUE, DARK, GREY, ORANGE, Picture, Scale, text_width, tick_labels
from assay.pages.templating import compose_page, render
from assay.project.document import write_text
from assay.project.text import counted
from assay.score.operations.export_targets import EXPORTS, check_target
from assay.score.operations.why import (
    Why,
    base_words,
    before_words,
    change_words,
    plain,
    score_words,
    sum_words,
)

WIDTH, ROW, TOP, BOTTOM = 860, 26, 12, 34
MOST_LABEL = 340
"""Pixels of the labels left of the bars; longer ones are cut."""


def check(root: Path, page: Path) -> None:
    """Refuse a place that git would add to the project, or that is something else already.

    Raises
    ------
    UsageError
        Git would add it, it is no file, or it is in the project outside of `EXPORTS`.
    """
    place, project = page.absolute().resolve(), root.resolve()
    if (page.exists() and not page.is_file()) or not page.name:
        raise UsageError("no file can be written there", where=f"--page {page}")
    inside = place.is_relative_to(project)
    if inside and not place.is_relative_to(project / EXPORTS):
        raise UsageError(
            "the page holds a row's cells, and this is the project's own folder",
            where=f"--page {page}",
            expected=f"a path in {EXPORTS}/, or outside of the project",
        )
    check_target(root, page, "--page")


def write(answer: Why, page: Path, top: int) -> None:
    """Write the page; parameters as for `html`."""
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        write_text(page, html(answer, top))
    except OSError as error:
        raise UsageError(
            "the page cannot be written", where=f"--page {page}", found=error.strerror
        ) from None


def html(answer: Why, top: int) -> str:
    """The page.

    Parameters
    ----------
    top
        The features that have a bar of their own; the others have one together.
    """
    main = render(
        "why.html",
        w=answer,
        headline=score_words(answer),
        sentence=sum_words(answer),
        picture=waterfall(answer, top),
        before=before_words(answer.before),
        changes=[change_words(each) for each in answer.changes],
        plain=plain,
    )
    return compose_page(f"why: {score_words(answer)}", main)


def waterfall(answer: Why, top: int) -> Picture:
    """Bars from the base to the row's raw output, the strongest feature first."""
    bars: list[tuple[str, float]] = [
        (f"{each.words} = {plain(each.value)}", each.contribution) for each in answer.reasons[:top]
    ]
    rest = answer.reasons[top:]
    if rest:
        bars.append((counted(len(rest), "other feature"), sum(each.contribution for each in rest)))
    ends = [answer.base]
    for _, added in bars:
        ends.append(ends[-1] + added)
    labels = [_cut(label) for label, _ in bars]
    left = max((text_width(label) for label in labels), default=0.0) + 16
    height = TOP + ROW * (len(bars) + 2) + BOTTOM
    named = zip(labels, bars, strict=True)
    read = "; ".join(f"{label}: {added:+.4f}" for label, (_, added) in named)
    picture = Picture(WIDTH, height, f"what each feature added, in {answer.scale}", read)
    low, high = min(ends), max(ends)
    room = (high - low) * 0.12 or 1.0
    x = Scale(low - room, high + room, left, WIDTH - 20)
    base = height - BOTTOM
    picture.line((x.start, base), (x.end, base))
    picture.labels_below(tick_labels(x), base + 16)
    _mark(picture, x(answer.base), TOP + ROW * 0.5, base, base_words(answer), left)
    for number, (label, (_, added)) in enumerate(zip(labels, bars, strict=True)):
        y = TOP + ROW * (number + 1)
        start, end = x(ends[number]), x(ends[number + 1])
        colour, wide = ORANGE if added > 0 else BLUE, max(abs(end - start), 1.0)
        picture.rect(min(start, end), y + 5, wide, ROW - 10, colour)
        picture.text(left - 8, y + ROW * 0.62, label, "end")
        picture.line((end, y + 5), (end, y + ROW + 5), GREY)
        words = f"{added:+.3g}"
        if added > 0:
            picture.text(end + 5, y + ROW * 0.62, words)
        else:
            picture.text(end - 5, y + ROW * 0.62, words, "end")
    _mark(picture, x(answer.raw), TOP + ROW * (len(bars) + 1.5), base, "this row", left)
    return picture


def _mark(picture: Picture, at: float, y: float, base: float, words: str, left: float) -> None:
    picture.dot(at, y, 4.5, DARK, words)
    picture.text(left - 8, y + 4, words, "end")
    picture.line((at, y), (at, base), GREY, dashes="3 3")


def _cut(label: str) -> str:
    while text_width(label) > MOST_LABEL:
        label = label[:-2].rstrip() + "…"
    return label
