"""``assay alert``: write the open incidents to files, and tell of each when it opens and ends.

``reports/alerts.json`` holds for each incident the state that was told last, written after it was
delivered. So what did not arrive is told by the next call, and a process that is killed tells a
message twice rather than never. Where nobody is to be told, nothing is recorded, and a webhook that
is configured later hears of all open incidents.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import ConfigDict, Field

from assay.errors import AlertUndelivered, AssayError, CodeHostFailed, DataError
from assay.monitor.incidents import messages
from assay.monitor.incidents.collect import AllNights, all_nights
from assay.monitor.incidents.messages import open_receiver
from assay.monitor.nights import facts as night_facts
from assay.monitor.nights.night import Incident, IncidentState, Kind
from assay.project import layout
from assay.project.document import Report, read_stage_file, write_json, write_text
from assay.project.params import Params
from assay.store import open_store

log = logging.getLogger(__name__)

SCHEMA = 1
GONE: Mapping[Kind, str] = {
    "drift": "not among the incidents any more: its nights were monitored again",
    "run": "its first night has been published or taken back",
}
"""The sentence of an incident that was told as open and no longer exists."""

IssueChange = Literal["opened", "reopened", "updated", "closed", "unchanged", "unknown"]
"""What became of the repository's issue; ``unknown``: no night is known here, so it stays."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An incident and the state that was told last: ``open``, ``recovered`` or None."""

    incident: Incident
    told: IncidentState | None = None

    @property
    def due(self) -> bool:
        """Whether it needs a message now: one when it opens, one when it is over."""
        state = self.incident.state
        return (state == "open" and self.told != "open") or (
            state == "recovered" and self.told == "open"
        )


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
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class AlertsReport:
    """The open and notified incidents, and the result of sending messages.

    Attributes
    ----------
    until
        The last night that was judged.
    issue
        What became of the repository's issue; None if there is to be none.
    """

    name: str
    alerts: tuple[Alert, ...]
    until: str | None
    delivery: Delivery
    issue: IssueChange | None = None

    @property
    def open(self) -> int:
        """How many incidents are open."""
        return sum(each.incident.state == "open" for each in self.alerts)

    def document(self) -> dict[str, Any]:
        """The content of reports/alerts.json; with ``issue``, what became of it too."""
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "name": self.name,
            "until": self.until,
            "open": self.open,
            "alerts": [{**each.incident.to_plain(), "told": each.told} for each in self.alerts],
            "delivery": asdict(self.delivery),
        }
        return document if self.issue is None else {**document, "issue": self.issue}


IssueKeeper: TypeAlias = Callable[[str, AllNights], IssueChange]
"""Keeps an issue of a project's incidents: `assay.hosting.issues.keep_issue`."""


def run(root: Path, params: Params, keep_issue: IssueKeeper | None = None) -> AlertsReport:
    """Write reports/alerts.json and reports/incident.md, and send what is new.

    Parameters
    ----------
    keep_issue
        Also keeps an issue of the CI run's repository.

    Raises
    ------
    AlertUndelivered
        After everything is written: a message was not delivered. The next call tells it.
    CodeHostFailed
        After everything is written and sent: the issue was not written. The next call goes on.
    DataError
        reports/alerts.json is damaged.
    """
    every = all_nights(night_facts.load(root, open_store(root, params), ()))
    report = update_alerts(root, params, every)
    if keep_issue is not None:
        try:
            report = replace(report, issue=keep_issue(params.name, every))
        except CodeHostFailed as error:
            if report.delivery.problem:
                log.warning("%s", error.line())
                _check(report)
            raise error.attach_report(report) from None
    _check(report)
    return report


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
        _check(update_alerts(root, params, every))
    except AssayError as error:
        if not answered:
            raise
        log.warning("%s", error.line())


def update_alerts(root: Path, params: Params, every: AllNights) -> AlertsReport:
    """Collect the incidents, write them down, and tell what is new.

    Raises
    ------
    DataError
        reports/alerts.json is damaged.
    """
    by_id = {each.incident.id: each for each in alerts(every.incidents, _before(root))}
    hook, function = params.alerts.webhook, params.alerts.function
    due = [each for each in by_id.values() if each.due] if hook or function else []
    delivery = Delivery(hook is not None, function, waiting=len(due))

    def write() -> AlertsReport:
        report = AlertsReport(params.name, tuple(by_id.values()), every.until, delivery)
        write_json(root / layout.ALERTS, report.document())
        incidents = [each.incident for each in report.alerts]
        text = messages.render_markdown(params.name, incidents, every.nights)
        write_text(root / layout.INCIDENT, text)
        return report

    if not due:
        return write()
    try:
        receiver = open_receiver(root, params)
    except AssayError as error:
        delivery = replace(delivery, problem=error.line())
        return write()
    for each in due:
        tried = receiver.tell(each.incident)
        if tried.problem:
            problem = f"{receiver.name} did not take a message: {tried.problem}"
            delivery = replace(delivery, problem=problem)
            if tried.down:
                break
            continue
        by_id[each.incident.id] = replace(each, told=each.incident.state)
        sent = (*delivery.sent, messages.key(each.incident))
        delivery = replace(delivery, sent=sent, waiting=len(due) - len(sent))
        write()
    return write()


def alerts(incidents: Sequence[Incident], before: Sequence[Alert]) -> list[Alert]:
    """The current incidents, each with the state that was told last. Pure.

    An incident that was told as open and no longer exists counts as recovered. One that recovered
    before it was told is left out.
    """
    delivered = {each.incident.id: each.told for each in before}
    here = {each.id for each in incidents}
    now = [Alert(each, delivered.get(each.id)) for each in incidents]
    gone = [
        replace(
            each,
            incident=replace(each.incident, state="recovered", sentence=GONE[each.incident.kind]),
        )
        for each in before
        if each.incident.id not in here and each.told == "open"
    ]
    kept = [each for each in (*now, *gone) if each.told or each.incident.state != "recovered"]
    return sorted(kept, key=lambda each: (each.incident.first, each.incident.id))


@dataclass(frozen=True, slots=True)
class _KnownAlert(Incident):
    told: Literal["open", "recovered"] | None = None


class _KnownAlerts(Report):
    """What of reports/alerts.json is read again; other keys are for people."""

    SCHEMA: ClassVar = SCHEMA
    FILE: ClassVar = layout.ALERTS
    STAGE: ClassVar = "alert"
    WHAT: ClassVar = "a list of alerts"
    model_config = ConfigDict(extra="ignore")

    schema_number: Literal[1] = Field(alias="schema")
    alerts: tuple[_KnownAlert, ...]


def parse_alerts(text: str) -> tuple[Alert, ...]:
    """Parse reports/alerts.json: the alerts that an earlier call recorded.

    Raises
    ------
    DataError
        It is not such a document.
    """
    try:
        known = _KnownAlerts.parse(text, layout.ALERTS).alerts
    except DataError as error:
        fix = "Delete it: what is open will be told again"
        raise DataError(error.what, where=layout.ALERTS, fix=fix) from None
    names = [each.name for each in fields(Incident)]
    return tuple(
        Alert(Incident(*(getattr(each, name) for name in names)), each.told) for each in known
    )


def _before(root: Path) -> tuple[Alert, ...]:
    if not (root / layout.ALERTS).exists():
        return ()
    return parse_alerts(read_stage_file(root, layout.ALERTS, "alert"))


def _check(report: AlertsReport) -> None:
    delivery = report.delivery
    if delivery.problem:
        raise AlertUndelivered(
            delivery.problem,
            where=layout.ALERTS,
            found=f"{delivery.waiting} waiting",
            fix="The next assay alert sends them again.",
        ).attach_report(report)
