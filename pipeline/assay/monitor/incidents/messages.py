"""An incident as Markdown, as a Slack message, and as plain JSON."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from assay.errors import AlertUndelivered
from assay.monitor.nights.night import UNPUBLISHED, Incident, Night, night_path
from assay.project import plugins, source_code
from assay.project.http_request import retry, send, validate_url
from assay.project.params import Params, Webhook
from assay.project.text import code, counted, escape_controls, first_few, prose
from assay.score.due import held_steps

TITLES = {"open": "Open", "snoozed": "Snoozed", "recovered": "Recovered"}
SLACK_TEXT = 2900
"""Characters; Slack rejects a block of more than 3,000."""
NIGHTS = 14
"""The most nights of an incident that are named one by one."""
FEW = 20
"""The most columns that a message names."""


def render_markdown(name: str, incidents: Sequence[Incident], night_list: Sequence[Night]) -> str:
    """The content of ``reports/incident.md``: open incidents first. Text from data is escaped.

    Its first line is a title, so it can be passed to ``gh issue create`` as it is.
    """
    by_state = {state: [each for each in incidents if each.state == state] for state in TITLES}
    count = len(by_state["open"])
    title = counted(count, "open incident") if count else "no open incident"
    lines = [f"# {prose(name)}: {title}", ""]
    for state, of_state in by_state.items():
        for number, each in enumerate(of_state):
            lines += [] if number else [f"## {TITLES[state]}", ""]
            lines += [*describe(each, night_list), f"- incident: {code(each.id)}", ""]
    return "\n".join(lines)


def describe(incident: Incident, night_list: Sequence[Night]) -> list[str]:
    """The incident as lines of Markdown, which do nothing but be read: what can be done, too.

    Parameters
    ----------
    night_list
        All nights; those of the incident are named.
    """
    over = "It is over. " if incident.state == "recovered" else ""
    lines = [f"{over}**{prose(nights(incident))}**: {prose(incident.sentence, 1000)}", ""]
    if incident.state == "snoozed":
        lines += ["It is snoozed in params.yaml.", ""]
    if incident.columns:
        lines += [f"- columns: {prose(columns(incident), 1000)}"]
    if incident.kind == "drift":
        last = code(f"assay monitor --date {shlex.quote(incident.last)}")
        return [
            *lines,
            f"- look again: {last}, which writes {code(night_path(incident.last, '.html'))}",
        ]
    within = [each for each in night_list if incident.first <= each.partition <= incident.last]
    bad = [each for each in within if each.state in UNPUBLISHED]
    lines += [_night(each) for each in bad[-NIGHTS:]]
    if len(bad) > NIGHTS:
        lines.append(f"- and {counted(len(bad) - NIGHTS, 'night')} before")
    return lines


def _night(night: Night) -> str:
    line = f"- {prose(night.partition)}: {prose(night.note or night.state)}"
    if night.held:
        steps = held_steps(night.partition, night.held, night.held_refused)
        return "; ".join((line, *(f"{each.words}: {code(each.command)}" for each in steps)))
    return f"{line}; try again: {code(f'assay score --date {shlex.quote(night.partition)}')}"


def key(incident: Incident) -> str:
    """The same for the same state of the same incident, so that a second message is known."""
    return f"{incident.id}:{incident.state}"


def generic(project: str, incident: Incident) -> dict[str, Any]:
    """The body for a webhook of the shape ``generic``."""
    return {
        "schema": 1,
        "project": project,
        "event": "opened" if incident.state == "open" else "recovered",
        "key": key(incident),
        "text": text(project, incident),
        "incident": incident.to_plain(),
    }


def slack(project: str, incident: Incident) -> dict[str, Any]:
    """The body for a Slack incoming webhook: a line for the notification, and one block."""
    message = text(project, incident)
    lines = [f"*{_slack(_head(project, incident))}*", _slack(incident.sentence)]
    if incident.columns:
        lines.append(f"columns: {_slack(columns(incident))}")
    lines.append(f"incident {_slack(incident.id)}")
    block = {"type": "mrkdwn", "text": "\n".join(lines)[:SLACK_TEXT]}
    return {"text": _slack(message)[:SLACK_TEXT], "blocks": [{"type": "section", "text": block}]}


def text(project: str, incident: Incident) -> str:
    """The incident in one line."""
    return escape_controls(f"{_head(project, incident)}: {incident.sentence}")


def nights(incident: Incident) -> str:
    """The range of affected nights."""
    if incident.first == incident.last:
        return incident.first
    return f"{incident.first} to {incident.last}"


def columns(incident: Incident) -> str:
    """The names of the affected columns, at most `FEW`."""
    return first_few(incident.columns, FEW)


def _head(project: str, incident: Incident) -> str:
    state = "incident" if incident.state == "open" else "recovered"
    return f"{project}: {state}, {nights(incident)}"


def _slack(value: str) -> str:
    # Slack's three control characters; an unescaped <!channel> would notify everybody.
    return escape_controls(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# ------- hands the message of an incident over: to a webhook, or to a function of the project's own
# An own function gets the mapping that a generic webhook gets (docs/front-and-alerts.md), and has
# taken it when it returns.

Own: TypeAlias = Callable[[Mapping[str, Any]], object]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of a message: ``problem`` is "" if it was taken.

    ``down`` says that nobody answers, so that others need not be tried.
    """

    problem: str = ""
    down: bool = False


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told, without a secret, and how."""

    name: str
    tell: Callable[[Incident], Attempt]


def open_receiver(root: Path, params: Params) -> Receiver:
    """Who ``alerts`` of params.yaml names.

    Raises
    ------
    AlertUndelivered
        The variable of the webhook holds no address; the text does not hold what it holds.
    PluginError
        The function cannot be imported, is no function, or takes other arguments than a message.
    """
    hook, function = params.alerts.webhook, params.alerts.function
    if hook is not None:
        name = f"the webhook of ${hook.url_env}"
        return Receiver(name, partial(_post, params.name, hook, _address(hook)))
    assert function is not None
    return Receiver(function, partial(call_own, load_own(function, root), params.name))


def _address(hook: Webhook) -> str:
    url = os.environ.get(hook.url_env, "").strip()
    if not url:
        raise AlertUndelivered(f"the environment variable {hook.url_env} is not set")
    try:
        return validate_url(url)
    except ValueError as error:
        why = f"the environment variable {hook.url_env} is of no use: {error}"
        raise AlertUndelivered(why) from None


def _post(project: str, hook: Webhook, url: str, incident: Incident) -> Attempt:
    shape = slack if hook.shape == "slack" else generic
    body = json.dumps(shape(project, incident), ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        # Lets the receiver drop a message that was sent twice. Headers must be ASCII.
        "Idempotency-Key": key(incident).encode("ascii", "backslashreplace").decode(),
    }
    answer = retry(partial(send, "POST", url, body, headers, hook.timeout_s), hook.retries)
    return Attempt(answer.problem, answer.again)


def load_own(name: str, root: Path) -> Own:
    """The function that ``alerts.function`` names.

    Raises
    ------
    PluginError
        As `open_receiver`.
    """
    function = plugins.resolve(name, key="alerts.function", root=root)
    where = "params.yaml: alerts.function"
    plugins.check_call(function, ["the message"], where=where, reference=name)
    return function  # type: ignore[no-any-return]


def call_own(function: Own, project: str, incident: Incident) -> Attempt:
    """Call it once. Whatever it raises is the problem."""
    try:
        function(generic(project, incident))
    except (Exception, SystemExit) as error:
        words = f"{type(error).__name__}: {error}{source_code.raised_at(error)}"
        return Attempt(" ".join(words.split()))
    return Attempt()
