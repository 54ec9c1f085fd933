"""The runbook of the version in use: what it is, what is normal, what to do, and whom to tell.

It is written beside the front page, and so by every promotion too.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from assay.errors import AssayError
from assay.monitor.nights.night import Night
from assay.pages.templating import compose_page
from assay.pages.templating import render as render_template
from assay.project.params import Params
from assay.project.params.inputs import Input
from assay.project.text import counted
from assay.registry import access

STATES = (
    (
        "A night is held (exit 51)",
        "It was scored, and readers see what they saw before. assay status names the limit; assay "
        "quarantine show, if rows were refused. Correct the input and score it again, or, if it is "
        "right as it is: assay release RUN --because WHY.",
        "night-is-held",
    ),
    (
        "A night failed, or is missing",
        "Nothing of it is published. assay status has the reason, assay explain CODE what to do; "
        "assay doctor looks at machine, remote and store. The next assay nightly makes up for it.",
        "night-failed",
    ),
    (
        "An incident is open (exit 4)",
        "Scores, features or refused rows are unlike before. assay night explain --date DAY says "
        "what moved. Is the input wrong, or the world? Scores are published either way.",
        "incident-is-open",
    ),
    (
        "Readers see wrong scores",
        "Of one night: assay retract RUN --because WHY, and they see the run before. Of all since "
        "this version: assay rollback --because WHY --push, then assay score --from DAY --force.",
        "go-back",
    ),
    (
        "Labels are late",
        "Realized metrics stop, estimates go on. assay status says since when.",
        "labels-are-late",
    ),
    (
        "It advises to train again (exit 6)",
        "Labels say that the model became worse than monitor.retrain allows. assay window && dvc "
        "repro, and a pull request; nothing is promoted by itself.",
        "",
    ),
)
"""A state that people see, what it means and what to do, and the how-to that says more."""


def render(
    root: Path, params: Params, version: str, champion: Sequence[str], nights: Sequence[Night]
) -> str:
    """The content of reports/runbook.html; deterministic.

    Parameters
    ----------
    version, champion
        The version in use, "" if there is none, and what is known of it, in lines.
    """
    card, title = params.card, f"{params.name} {version}".rstrip()
    main = render_template(
        "runbook.html",
        title=title,
        champion=champion,
        card=[
            (label, text)
            for label, text in (
                ("owner", card.owner),
                ("contact", card.contact),
                ("intended use", card.intended_use),
                ("human oversight", card.oversight),
            )
            if text
        ],
        needs=list(needs(params)),
        normal=list(normal(params, nights)),
        states=STATES,
        people=list(people(root, params)),
    )
    return compose_page(f"Runbook of {title}", main)


def needs(params: Params) -> Iterator[tuple[str, str]]:
    """What a night takes, and what it is read from and written to."""
    yield "when", f"{params.schedule.at} UTC, as assay deploy schedules assay nightly"
    yield "rows", f"score.input: {_told(params.score.input)}"
    yield "store", params.store
    yield "bundle", "from DVC's remote, by its digest: assay doctor --only bundle"
    if params.labels.input is not None:
        yield "labels", f"labels.input: {_told(params.labels.input)}"


def _told(given: Input) -> str:
    places = ", ".join(given.paths().values())
    return f"{given.format} {places}" if places else f"{given.format}, as params.yaml says"


def normal(params: Params, nights: Sequence[Night]) -> Iterator[tuple[str, str, str]]:
    """What the last published nights were like, and the limit at which somebody is told."""
    seen = [night for night in nights if night.state == "published"]
    publish, most = params.publish, params.quarantine.max_share
    change = f"held if it changes by more than {publish.max_row_change:.0%}"
    yield "rows read", _range([night.rows_read for night in seen], "{:,.0f}"), change
    shares = [night.quarantine_share for night in seen]
    yield "refused", _range(shares, "{:.2%}"), f"held if over {most:g} of the rows"
    drifted = [night.drift.drifted_share if night.drift else None for night in seen]
    limit = f"{params.monitor.max_drifted_share:.0%} of the features may"
    yield "features that drifted", _range(drifted, "{:.0%}"), limit
    for words, one in (("estimated", "estimated"), ("with labels", "realized")):
        known = [value for night in seen if (value := getattr(night, one)) is not None]
        if known:
            yield words, _range([each.value for each in known], "{:.3f}"), ""


def _range(values: Sequence[float | None], form: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "not known yet: no night is published"
    middle, low, high = statistics.median(known), min(known), max(known)
    text = f"{form.format(middle)} in the middle, {form.format(low)} to {form.format(high)}"
    return f"{text} on {counted(len(known), 'night')}"


def people(root: Path, params: Params) -> Iterator[tuple[str, str]]:
    """Who is told by Assay, and who may act."""
    alerts = params.alerts
    if alerts.webhook is not None:
        yield "told by assay alert", f"the webhook in {alerts.webhook.url_env}"
    elif alerts.function is not None:
        yield "told by assay alert", alerts.function
    else:
        yield "told by assay alert", "nobody but reports/incident.md: set alerts in params.yaml"
    try:
        policy = access.read_policy(root)
    except AssayError as error:  # nights are judged, and people told of them, all the same
        yield "may act", f"cannot be told: {error.line()}"
        return
    for act in ("release", "retract", "rollback", "promote"):
        listed = policy.access.listed(act)
        yield f"may {act}", access.expected(policy, act) if listed else "everybody"
