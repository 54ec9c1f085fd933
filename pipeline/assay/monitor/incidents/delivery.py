"""Hands the message of an incident over: to a webhook, or to a function of the project's own.

An own function gets the mapping that a generic webhook gets (docs/front-and-alerts.md), and has
taken it when it returns.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from assay.errors import AlertUndelivered
from assay.monitor.incidents import messages
from assay.monitor.nights.night import Incident
from assay.project import plugins, source_code
from assay.project.http_request import retry, send, validate_url
from assay.project.params import Params, Webhook

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
    key = messages.key(incident)
    shape = messages.slack if hook.shape == "slack" else messages.generic
    body = json.dumps(shape(project, incident), ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        # Lets the receiver drop a message that was sent twice. Headers must be ASCII.
        "Idempotency-Key": key.encode("ascii", "backslashreplace").decode(),
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
    found = plugins.resolve(name, key="alerts.function", root=root)
    where = "params.yaml: alerts.function"
    plugins.check_call(found, ["the message"], where=where, reference=name)
    return found  # type: ignore[no-any-return]


def call_own(function: Own, project: str, incident: Incident) -> Attempt:
    """Call it once. Whatever it raises is the problem."""
    try:
        function(messages.generic(project, incident))
    except (Exception, SystemExit) as error:
        words = f"{type(error).__name__}: {error}{source_code.raised_at(error)}"
        return Attempt(" ".join(words.split()))
    return Attempt()
