"""``alerts.function``: a function of the project's own that is told of incidents.

It gets each message once, as the mapping that a generic webhook gets (docs/front-and-alerts.md),
and has taken it when it returns. If it raises, the message waits for the next call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from assay.monitor.incidents import messages
from assay.monitor.incidents.outbox import QueuedMessage
from assay.monitor.incidents.post import PostResult
from assay.project import plugins, source_code

Receiver: TypeAlias = Callable[[Mapping[str, Any]], object]


def load_own(name: str, root: Path) -> Receiver:
    """The function.

    Raises
    ------
    PluginError
        It cannot be imported, is no function, or takes other arguments than a message.
    """
    found = plugins.resolve(name, key="alerts.function", root=root)
    where = "params.yaml: alerts.function"
    plugins.check_call(found, ["the message"], where=where, reference=name)
    return found  # type: ignore[no-any-return]


def call_own(receiver: Receiver, project: str, letter: QueuedMessage) -> tuple[PostResult, int]:
    """One attempt to hand over a message, as `assay.monitor.incidents.post.retry` answers."""
    try:
        receiver(messages.generic(project, letter.incident, letter.key))
    except (Exception, SystemExit) as error:
        words = f"{type(error).__name__}: {error}{source_code.raised_at(error)}"
        return PostResult(False, words=" ".join(words.split())), 1
    return PostResult(True), 1
