"""``assay alert``: write the open incidents to files and send new ones to who is to be told."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from assay.errors import AlertUndelivered, AssayError, CodeHostFailed, PluginError
from assay.monitor.incidents import alert_state, messages, outbox
from assay.monitor.incidents.alert_state import Alert
from assay.monitor.incidents.collect import AllNights, all_nights
from assay.monitor.incidents.issues import IssuesReport, mirror
from assay.monitor.incidents.outbox import QueuedMessage
from assay.monitor.incidents.own_receiver import call_own, load_own
from assay.monitor.incidents.post import PostResult, post, retry
from assay.monitor.nights import facts as night_facts
from assay.project import layout
from assay.project.code_host.client import MayNotWrite
from assay.project.code_host.environment import read_environment
from assay.project.document import read_stage_file, write_json, write_text
from assay.project.http_exchange import validate_url
from assay.project.params import Params, Webhook
from assay.store import open_store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """The result of sending messages.

    Attributes
    ----------
    webhook
        Whether params.yaml names a webhook.
    function
        The function of the project's own that it names instead.
    sent
        Keys of the messages that were delivered.
    waiting
        How many messages are left for the next call; ``problem`` says why.
    """

    webhook: bool
    function: str | None = None
    sent: tuple[str, ...] = ()
    waiting: int = 0
    problem: str = ""

    def to_plain(self) -> dict[str, Any]:
        return {
            "webhook": self.webhook,
            "function": self.function,
            "sent": list(self.sent),
            "waiting": self.waiting,
            "problem": self.problem or None,
        }


@dataclass(frozen=True, slots=True)
class AlertsReport:
    """The open and notified incidents, and the result of sending messages.

    Attributes
    ----------
    until
        The last night that was judged.
    """

    name: str
    alerts: tuple[Alert, ...]
    until: str | None
    delivery: Delivery
    issues: IssuesReport | None = None

    def document(self) -> dict[str, Any]:
        """The content of reports/alerts.json; with ``issues``, what became of them too."""
        delivery = self.delivery.to_plain()
        tree = alert_state.document(self.name, self.alerts, self.until, delivery)
        issues = {} if self.issues is None else {"issues": self.issues.to_plain()}
        return {**tree, **issues}


def run(root: Path, params: Params, issues: bool = False) -> AlertsReport:
    """Write reports/alerts.json and reports/incident.md, and send what is new.

    Parameters
    ----------
    issues
        Also keep an issue of the CI run's repository for each incident.

    Raises
    ------
    AlertUndelivered
        After everything is written: a message was not delivered. It is kept for the next call.
    CodeHostFailed
        After everything is written and sent: an issue was not written. The next call goes on.
    """
    every = all_nights(night_facts.load(root, open_store(root, params), ()))
    found = update_alerts(root, params, every)
    if issues:
        try:
            found = replace(found, issues=_mirror_issues(params.name, every, found))
        except CodeHostFailed as error:
            if found.delivery.problem:
                log.warning("%s", error.line())
                _check(found)
            raise error.attach_report(found) from None
    _check(found)
    return found


def _mirror_issues(name: str, every: AllNights, told: AlertsReport) -> IssuesReport:
    ci = read_environment()
    if ci is None:
        raise CodeHostFailed(
            "this is no run of GitHub Actions or GitLab CI",
            where="assay alert --issues",
            expected="GITHUB_REPOSITORY or CI_PROJECT_ID in the environment, and a token",
        )
    known = {each.incident.id: each.incident for each in told.alerts}
    # The alerts leave out what was over before anybody was told; its issue has to be closed.
    known |= {each.id: each for each in every.incidents}
    try:
        return mirror(ci.host(), name, list(known.values()), every.nights, every.until)
    except MayNotWrite as error:
        may = "permissions: issues: write" if ci.kind == "github" else "the role Reporter"
        raise CodeHostFailed(
            f"the token may not write issues: {error.what}",
            where=error.where,
            fix=error.fix or f"Give it {may}.",
        ) from None


def notify(root: Path, params: Params, every: AllNights, answered: bool) -> None:
    """As `run`, at the end of ``assay monitor``, whose own result takes precedence.

    Parameters
    ----------
    answered
        Whether the command exits with a code of its own, because a limit was crossed. A failure to
        send is then only logged, and the next call tries again.

    Raises
    ------
    AssayError
        As `run`, unless ``answered``.
    """
    try:
        told = update_alerts(root, params, every)
        _check(told)
    except AssayError as error:
        if not answered:
            raise
        log.warning("%s", error.line())


def update_alerts(root: Path, params: Params, every: AllNights) -> AlertsReport:
    """Collect the incidents, write them down, queue new messages and send the queue.

    Raises
    ------
    DataError
        reports/alerts.json is damaged.
    """
    found = alert_state.alerts(every.incidents, _before(root))
    hook, function = params.alerts.webhook, params.alerts.function
    new = [] if hook is None and function is None else alert_state.select_due(found)
    folder = root / layout.DEAD_LETTERS
    for each in new:
        outbox.enqueue(folder, each.incident)
    found = alert_state.mark_sent(found, new)
    # Written before sending: the messages are queued, and must not be queued twice.
    queued = Delivery(hook is not None, function, waiting=len(new))
    told = AlertsReport(params.name, tuple(found), every.until, queued)
    _write(root, told)
    told = replace(told, delivery=_send(folder, root, params))
    _write(root, told)
    return told


def _check(told: AlertsReport) -> None:
    delivery = told.delivery
    if delivery.problem:
        raise AlertUndelivered(
            delivery.problem,
            where=layout.DEAD_LETTERS,
            found=f"{delivery.waiting} waiting",
            fix="The next assay alert sends them again; delete a file to give its message up",
        ).attach_report(told)


def _before(root: Path) -> tuple[Alert, ...]:
    path = root / layout.ALERTS
    if not path.exists():
        return ()
    return alert_state.parse_alerts(read_stage_file(root, layout.ALERTS, "alert"))


def _write(root: Path, told: AlertsReport) -> None:
    write_json(root / layout.ALERTS, told.document())
    write_text(root / layout.INCIDENT, messages.render_markdown(told.name, told.alerts))


def _send(folder: Path, root: Path, params: Params) -> Delivery:
    """Send the queued messages, the oldest first; stop when nobody takes them."""
    line, broken = outbox.read_queue(folder)
    problem = broken[0].line() if broken else ""
    hook, function = params.alerts.webhook, params.alerts.function
    if hook is None and function is None:
        if line:
            problem = "params.yaml has no alerts.webhook and no alerts.function to send them to"
        return Delivery(False, None, (), len(line) + len(broken), problem)
    sent: list[str] = []
    if line:
        try:
            if hook is not None:
                receiver = f"the webhook of ${hook.url_env}"
                send = partial(_post, _address(hook), params.name, hook)
            else:
                receiver = str(function)
                send = partial(call_own, load_own(receiver, root), params.name)
        except (ValueError, PluginError) as error:
            why = error.line() if isinstance(error, PluginError) else str(error)
            return Delivery(hook is not None, function, (), len(line) + len(broken), why)
        for letter in line:
            answer, times = send(letter)
            if answer.ok:
                outbox.delete_message(letter)
                sent.append(letter.key)
                continue
            outbox.record_failure(letter, times, answer.words)
            problem = f"{receiver} did not take a message: {answer.words}"
            if answer.again:
                break
    left = len(line) - len(sent) + len(broken)
    return Delivery(hook is not None, function, tuple(sent), left, problem)


def _post(url: str, project: str, hook: Webhook, letter: QueuedMessage) -> tuple[PostResult, int]:
    body, headers = _message(letter, project, hook)
    return retry(partial(post, url, body, headers, hook.timeout_s), hook.retries)


def _address(hook: Webhook) -> str:
    """The webhook's URL, which only the environment holds."""
    url = os.environ.get(hook.url_env, "").strip()
    if not url:
        raise ValueError(f"the environment variable {hook.url_env} is not set")
    try:
        return validate_url(url)
    except ValueError as error:
        raise ValueError(f"the environment variable {hook.url_env} is of no use: {error}") from None


def _message(letter: QueuedMessage, project: str, hook: Webhook) -> tuple[bytes, dict[str, str]]:
    if hook.shape == "slack":
        tree = messages.slack(project, letter.incident)
    else:
        tree = messages.generic(project, letter.incident, letter.key)
    body = json.dumps(tree, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "assay",
        # Lets the receiver drop a message that was sent twice. Headers must be ASCII.
        "Idempotency-Key": letter.key.encode("ascii", "backslashreplace").decode(),
    }
    return body, headers
