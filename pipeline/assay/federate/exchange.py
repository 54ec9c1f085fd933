"""What sites say to each other: files in a folder or bucket that all of them reach.

Each message is written once and whole. A session's name is used once: a site that sent the same
step twice, with other numbers under the same mask, would show their difference. So a site that is
killed ends the session for all.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

import pyarrow.fs as pafs
from pydantic import Field

from assay.errors import RoundRefused
from assay.project import interrupts
from assay.project.document import Document, Text
from assay.project.text import counted
from assay.store.delta.location import filesystem, translate_errors

log = logging.getLogger(__name__)

LONGEST = 64_000_000
"""Bytes of a message that is read."""
LOOK_EVERY = 0.2
"""Seconds."""


class Message(Document):
    """What one site says at one step; ``body`` depends on the step."""

    site: Text
    step: Text
    agreement: Text
    body: Annotated[str, Field(max_length=LONGEST)]


@dataclass(frozen=True)
class Exchange:
    """One site's side of a session.

    Attributes
    ----------
    uri
        The folder that all sites reach.
    agreement
        A digest of what all sites have to have in common.
    patience
        Seconds until a site that sends nothing is given up.
    """

    uri: str
    session: str
    sites: Sequence[str]
    me: str
    agreement: str
    patience: float

    @property
    def others(self) -> list[str]:
        return [site for site in self.sites if site != self.me]

    def begin(self) -> None:
        """Refuse a session that this site has taken part in.

        Raises
        ------
        RoundRefused
            Its name was used.
        """
        with translate_errors(self.uri, "the folder of the sites cannot be read"):
            system, path = filesystem(self._address("hello", self.me))
            if system.get_file_info(path).type != pafs.FileType.NotFound:
                raise RoundRefused(
                    f"{self.me} has taken part in a session of this name",
                    where=f"{self.uri}/{self.session}",
                    expected="a name that was not used",
                    found=self.session,
                    fix="Agree on another name with all sites: --session NAME",
                )

    def share(self, step: str, body: str) -> dict[str, str]:
        """Send this site's part of a step and wait for all others'; what each site said.

        Raises
        ------
        RoundRefused
            A site has stopped, sends nothing, or takes part in something else.
        StoreError
            The folder cannot be read or written.
        """
        mine = Message(site=self.me, step=step, agreement=self.agreement, body=body)
        self._write(step, self.me, json.dumps(mine.tree()))
        bodies, until = {self.me: body}, time.monotonic() + self.patience
        log.info("federate: %s", step)
        while missing := [site for site in self.others if site not in bodies]:
            interrupts.raise_if_interrupted()
            for site in missing:
                if (text := self._read(step, site)) is not None:
                    bodies[site] = self._body(step, site, text)
                    until = time.monotonic() + self.patience
                elif (why := self._read("stopped", site)) is not None:
                    raise self._refused(f"{site} has stopped: {why[:300]}", site)
            if len(bodies) < len(self.sites):
                if time.monotonic() > until:
                    site = missing[0]
                    why = f"{site} has sent nothing for '{step}' in {self.patience:g} s"
                    raise self._refused(why, site)
                time.sleep(LOOK_EVERY)
        return {site: bodies[site] for site in self.sites}

    def stop(self, why: str) -> None:
        """Tell the others that this site takes no further part."""
        with suppress(Exception):
            self._write("stopped", self.me, why)

    def _body(self, step: str, site: str, text: str) -> str:
        try:
            message = Message.of_tree(json.loads(text))
        except ValueError as error:
            raise self._refused(f"the message of {site} is none: {error}", site) from None
        if (message.site, message.step) != (site, step):
            raise self._refused(f"the message of {site} is that of {message.site}", site)
        if message.agreement != self.agreement:
            raise self._refused(f"{site} has another contract, other settings or other sites", site)
        return message.body

    def _refused(self, what: str, site: str) -> RoundRefused:
        return RoundRefused(
            what,
            where=f"{self.uri}/{self.session}",
            expected="all sites, with the same contract and the same federate in params.yaml",
            fix=f"Nothing was learnt or written. Speak to {site}, then begin again at all sites "
            "with another --session NAME.",
        )

    def _address(self, step: str, site: str) -> str:
        return f"{self.uri}/{self.session}/{step}/{site}.json"

    def _write(self, step: str, site: str, text: str) -> None:
        with translate_errors(self.uri, "the folder of the sites cannot be written"):
            system, path = filesystem(self._address(step, site))
            folder, name = path.rsplit("/", 1)
            system.create_dir(folder, recursive=True)
            # Another site must not read half of it; a bucket shows an object only when it is whole.
            part = path if "://" in self.uri else f"{folder}/.{name}.part"
            with system.open_output_stream(part) as sink:
                sink.write(text.encode())
            if part != path:
                system.move(part, path)

    def _read(self, step: str, site: str) -> str | None:
        with translate_errors(self.uri, "the folder of the sites cannot be read"):
            system, path = filesystem(self._address(step, site))
            info = system.get_file_info(path)
            if info.type != pafs.FileType.File:
                return None
            if info.size > LONGEST:
                raise self._refused(f"the message of {site} has {counted(info.size, 'byte')}", site)
            with system.open_input_stream(path) as source:
                return bytes(source.read()).decode("utf-8", "replace")
