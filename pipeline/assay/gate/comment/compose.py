"""Put a comment together, and keep it under the limit of every code host. Pure.

Equal facts give equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from assay.gate.comment import folded, nights, sections
from assay.gate.comment.facts import CommentFacts, Format
from assay.gate.comment.metrics import headline_of, metrics, moved_slices
from assay.project import digests

LIMIT = 60_000
"""Characters. GitHub refuses more than 65,536, GitLab more than 1,000,000."""


LONGEST_NAME = 300

COMPARING = frozenset({"metrics", "slices", "the dress rehearsal", "all nights", "all slices"})
"""Sections that compare with the champion: empty words where the model is the champion's own."""


@dataclass(frozen=True, slots=True)
class CommentSection:
    """A part of the comment. ``weight`` 0 always stays; the largest is left out first."""

    title: str
    text: str
    weight: int


def marker(name: str) -> str:
    """The hidden first line that a comment is found again by."""
    quoted = quote(name, safe="")
    if len(quoted) > LONGEST_NAME:
        quoted = digests.digest_texts(name)
    return f"<!-- assay:gate:{quoted} -->"


def compose(facts: CommentFacts, form: Format, limit: int = LIMIT) -> str:
    """The comment as Markdown.

    Parameters
    ----------
    limit
        Whole sections are left out, the least important first, until it is shorter than this.
    """
    verdict = facts.verdict
    none = COMPARING if verdict and verdict.bundle == verdict.champion.bundle else ()
    kept = [each for each in _sections(facts, form) if each.text and each.title not in none]
    cut: list[str] = []
    while True:
        text = _joined(facts, kept, cut)
        if len(text) < limit:
            return text
        least = max(kept, key=lambda each: each.weight)
        if least.weight == 0:
            # Sections of weight 0 have bounds that keep them far below any limit of a code host.
            return text[: limit - 1]
        kept.remove(least)
        cut.append(least.title)


def _sections(facts: CommentFacts, form: Format) -> Iterator[CommentSection]:
    yield CommentSection("the outcome", sections.headline(facts), 0)
    yield CommentSection("the summary", sections.summary(facts), 0)
    verdict = facts.verdict
    if verdict is None:
        yield CommentSection("what changed", sections.what_changed(facts), 3)
        return
    yield CommentSection("the warning", sections.policy_and_model(facts, form), 0)
    yield CommentSection("what stands in the way", sections.blocking(verdict), 0)
    yield CommentSection("what changed", sections.what_changed(facts), 1)
    yield CommentSection("metrics", metrics(facts), 2)
    yield CommentSection("slices", _slices(facts), 3)
    yield CommentSection("the rehearsal", sections.rehearsal(facts), 4)
    yield CommentSection("the dress rehearsal", nights.dress_rehearsal(facts), 4)
    yield CommentSection("waivers", sections.waived(verdict), 2)
    yield CommentSection("all rules", folded.all_rules(verdict), 6)
    yield CommentSection("behaviour and model tests", folded.tests(verdict), 5)
    yield CommentSection("all nights", nights.all_nights(facts), 6)
    yield CommentSection("leakage", folded.leakage(facts), 7)
    yield CommentSection("all changed keys", folded.all_keys(facts), 8)
    yield CommentSection("all slices", folded.all_slices(facts), 9)
    yield CommentSection("digests", folded.about(verdict), 7)


def _slices(facts: CommentFacts) -> str:
    compared = facts.comparison
    if compared is None or compared.differences is None:
        return ""
    listed, flipped = moved_slices(compared), sections.stability(facts)
    if not listed and not flipped:
        return ""
    title = f"### Slices whose {headline_of(compared.task)} moved most"
    if not listed:
        return f"### Decisions\n\n{flipped}"
    return "\n\n".join([title, listed, *([flipped] if flipped else [])])


def _joined(facts: CommentFacts, kept: Sequence[CommentSection], cut: Sequence[str]) -> str:
    parts = [marker(facts.name), *(each.text for each in kept)]
    if cut:
        parts.append(f"Left out, as a comment has room for {LIMIT:,} characters: {', '.join(cut)}.")
    return "\n\n".join([*parts, *sections.footer(facts)]) + "\n"
