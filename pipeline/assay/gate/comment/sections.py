"""The parts of a comment that a reader sees at once. Pure; every name from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assay.errors import AssayError, DataOutOfReach
from assay.gate.comment.changes import KeyChange, PartChange
from assay.gate.comment.facts import CommentFacts, Format
from assay.gate.comment.words import MARKS, NAME, name_of, several, units_that_would_tell
from assay.gate.unchanged import Unchanged
from assay.gate.verdict_text import HEADLINES, findings_of_kind
from assay.project.code_host.host_markdown import code, prose
from assay.project.text.number_format import counted, format_percent
from assay.reports.verdict import Outcome, Verdict

MOST = 10
"""The most findings that are shown unfolded."""
KEYS = 5
"""The most keys or files of a part that are named unfolded."""


def headline(facts: CommentFacts) -> str:
    """The outcome, in one line that can be read from afar, and what it is about."""
    verdict, about, answer = facts.verdict, prose(facts.name, NAME), facts.answer
    if answer.unchanged is not None:
        return f"## ✅ {about}: {prose(str(answer.unchanged), NAME)}"
    if answer.refusal is not None and answer.outcome == "not judged":
        return f"## ⚪ {about}: {prose(answer.refusal.what)}"
    if verdict is None:
        return f"## ⛔ NO VERDICT: {about}"
    if answer.differs:
        return f"## ⛔ NOT WHAT WAS COMMITTED: {about}"
    mark = MARKS[verdict.outcome]
    return f"## {mark} {verdict.outcome}: {about}, candidate {prose(verdict.candidate, NAME)}"


def summary(facts: CommentFacts) -> str:
    """The outcome in a sentence, what it was compared with, and how many findings passed."""
    verdict, answer = facts.verdict, facts.answer
    if answer.unchanged is not None:
        return _unchanged(facts, answer.unchanged)
    if answer.refusal is not None and answer.commands:
        return _to_type(facts, answer.refusal, answer.commands)
    if verdict is None:
        shown, more = several([f"- {prose(each)}" for each in answer.problems], 5)
        lines = "\n".join([*shown, *([f"- {more}"] if more else [])])
        return (
            f"The gate has not judged this commit{_commit(facts)}, so it must not be promoted:"
            f"\n\n{lines}\n\nThe log of the run says more. Where nothing is wrong: `dvc repro`."
        )
    told = [
        f"{HEADLINES[verdict.outcome][0].upper()}{HEADLINES[verdict.outcome][1:]}",
        f"Compared with: {prose(verdict.champion.description)}{_rows(facts)}.",
        f"{_counts(verdict)}{_commit(facts)}.",
        *([prose(verdict.rows.sentence)] if verdict.rows else []),
    ]
    if verdict.bundle == verdict.champion.bundle:
        told.append("The model is the champion's own, so there is no difference to show.")
    return " ".join(told)


def _unchanged(facts: CommentFacts, same: Unchanged) -> str:
    told = (
        f"Its bundle, data, contract, policy and code are those of {prose(same.version, NAME)}"
        f"{_commit(facts)}, so nothing was trained, pulled or compared. Merging it asks nobody to "
        "approve anything."
    )
    if same.is_champion:
        return told
    return (
        f"{told} It moves no stage either: `assay rollback --to {same.version} --because WHY` "
        f"gives {prose(same.stage, NAME)} back to it, or on GitHub: Actions, promote, Run workflow."
    )


def _to_type(facts: CommentFacts, refusal: AssayError, commands: Sequence[str]) -> str:
    """Why the check is not green, with the commands that decide it."""
    if isinstance(refusal, DataOutOfReach):
        told = [
            f"A run for a fork has no credentials, and the gate needs {prose(refusal.found or '')}"
            f"{_commit(facts)}. So it is neither passed nor refused. A maintainer reads what it "
            "changes, since its code will run with the bucket's role, and then types:",
        ]
    else:
        told = [f"{refusal.what[0].upper()}{refusal.what[1:]}{_commit(facts)}.", ""]
        if refusal.expected and refusal.found:
            told += [f"- this run: {prose(refusal.expected)}"]
            told += [f"- the commit: {prose(refusal.found)}", ""]
        told += ["So it must not be merged. On the branch:"]
    return "\n".join([*told, "", "```", *commands, "```"])


def _commit(facts: CommentFacts) -> str:
    return f" (commit {facts.commit[:10]})" if facts.commit else ""


def _rows(facts: CommentFacts) -> str:
    found = facts.comparison or facts.evaluation
    if found is None:
        return ""
    units = "" if found.unit == "row" else f" of {counted(found.units, prose(found.unit, NAME))}"
    return f", on {counted(found.rows, 'row')}{units}"


def _counts(verdict: Verdict) -> str:
    told = []
    for kind, title in (("rule", "rules"), ("behaviour", "behaviours"), ("test", "model tests")):
        found = findings_of_kind(verdict, kind)
        passed = sum(each.outcome is Outcome.PASS for each in found)
        told.append(f"{passed} of {len(found)} {title}" if found else f"no {title}")
    return f"Passed: {', '.join(told)}"


def policy_and_model(facts: CommentFacts, form: Format) -> str:
    """The warning that a new model was judged by a new policy; empty if it was not."""
    if facts.changes is None or not facts.changes.policy_and_model:
        return ""
    text = (
        "**The policy and the model changed together.** This model was judged by other rules than "
        "the champion's. Look at the rules first, or change them in a pull request of their own."
    )
    return f"> [!WARNING]\n> {text}" if form == "github" else f"> ⚠️ {text}"


def blocking(verdict: Verdict) -> str:
    """Each finding that stands in the way, with what would decide it; empty if there is none."""
    if not verdict.blocking:
        return ""
    lines = []
    for each in verdict.blocking:
        told = units_that_would_tell(each)
        owner = f" (owner: {prose(each.owner, NAME)})" if each.owner else ""
        more = f"; {told}" if told else ""
        lines.append(f"- {MARKS[each.outcome]} {name_of(each)}: {prose(each.told)}{more}{owner}")
    shown, more = several(lines, MOST)
    return "\n".join(["### What stands in the way", "", *shown, *([f"- {more}"] if more else [])])


def what_changed(facts: CommentFacts) -> str:
    """A line for each part that changed, and the names of those that did not."""
    changes = facts.changes
    if changes is None:
        return ""
    verdict = facts.verdict
    version = None if verdict is None else verdict.champion.version
    against = f" since {prose(version, NAME)}" if version else ""
    lines = [f"### What changed{against}", ""]
    lines += [_part(each) for each in changes.parts if each.changed is not False]
    same = [each.name for each in changes.parts if each.changed is False]
    if same:
        lines.append(f"- the same: {', '.join(same)}")
    if changes.why:
        lines.append(f"- {prose(changes.why)}")
    return "\n".join(lines)


def _part(part: PartChange) -> str:
    named = [*map(key_words, part.keys), *(code(each) for each in part.files)]
    named += [prose(part.note)] if part.note else []
    shown, more = several(named, KEYS)
    told = "; ".join([*shown, *([more.rstrip(".")] if more else [])])
    state = "changed" if part.changed else "cannot be told"
    return f"- **{part.name}** {state}" + (f": {told}" if told else "")


def key_words(change: KeyChange) -> str:
    """One key of params.yaml, before and now."""
    key = code(change.key, 160)
    if change.was is None:
        return f"{key} is new: {code(change.now or '', 60)}"
    if change.now is None:
        return f"{key} is gone: {code(change.was, 60)}"
    return f"{key}: {code(change.was, 60)} → {code(change.now, 60)}"


def rehearsal(facts: CommentFacts) -> str:
    """Parity and cost of the night's rehearsal, and what is not compiled, in a few lines."""
    found = facts.rehearsal
    if found is None:
        return ""
    lines = ["### Rehearsal of a night", ""]
    for one in found.parity:
        good = one.differing == 0 and one.rows > 0
        worst = "" if one.largest is None else f", the largest difference {one.largest:.3g}"
        lines.append(
            f"- {'✅' if good else '❌'} parity, carrier {prose(one.carrier, NAME)}: "
            f"{one.differing:,} of {one.rows:,} rows differ from training{worst}"
        )
    memory = "" if found.memory_mb is None else f", {found.memory_mb:,.0f} MB of memory"
    lines.append(
        f"- cost: {found.latency_ms:.3g} ms for 1,000 rows on one core{memory}, bundle "
        f"{found.bundle_mb:.3g} MB, rehearsed in {found.carrier_seconds:.3g} s"
    )
    lines += [f"- {prose(part)}" for part in found.uncompiled]
    if found.why:
        lines.append(f"- {prose(found.why)}")
    return "\n".join(lines)


def waived(verdict: Verdict) -> str:
    """What a person waived, and until when; empty if nothing is."""
    lines = [
        f"- {MARKS[each.outcome]} {name_of(each)} is waived until {prose(each.waiver.until, 20)} "
        f"by {prose(each.waiver.owner, NAME)}: {prose(each.waiver.because)}"
        for each in verdict.findings
        if each.waiver is not None and each.outcome is not Outcome.PASS
    ]
    if not lines:
        return ""
    shown, more = several(lines, MOST)
    return "\n".join(["### Waived", "", *shown, *([f"- {more}"] if more else [])])


def stability(facts: CommentFacts) -> str:
    """How many rows get another answer than the champion gave; empty if there is no such number."""
    found = None if facts.comparison is None else facts.comparison.stability
    if found is None or found.flipped is None or found.flipped.value is None:
        return ""
    share = format_percent(found.flipped.value)
    rows = "" if found.rows is None else f" ({counted(found.rows, 'row')})"
    return f"{share} of all rows get another decision than the champion's{rows}."


def footer(facts: CommentFacts) -> Iterator[str]:
    """Where everything else is."""
    where = "`reports/gate/index.html`, `reports/compare/index.html`"
    if facts.page:
        yield f"All reports: [artifacts of this run]({facts.page}), among them {where}."
    else:
        yield f"All reports: {where}."
