"""Commands that answer requests with a promoted version."""

from pathlib import Path
from typing import Annotated

from assay.cli.command import Call, Group, Option, positive_number

SERVE = Group("answer requests")


@SERVE(
    "serve",
    "score rows that come over HTTP, with the version that holds the stage, until it is stopped",
    "assay serve --port 8080",
    keys="version bundle url",
    serves=True,
)
def serve(
    call: Call,
    version: Annotated[
        str | None,
        Option("a stage, which is followed, or a version (registry.stage)", "VERSION"),
    ] = None,
    *,
    host: Annotated[str, Option("the address to listen at (127.0.0.1)")] = "127.0.0.1",
    port: Annotated[int, Option("0 for any that is free (8080)")] = 8080,
    token_file: Annotated[
        Path | None, Option("who asks must know what is in it, or in ASSAY_SERVE_TOKEN", "FILE")
    ] = None,
    certificate: Annotated[Path | None, Option("serve HTTPS with it", "PEM")] = None,
    key: Annotated[
        Path | None, Option("of the certificate, if it is not in its file", "PEM")
    ] = None,
    client_ca: Annotated[
        Path | None, Option("clients need a certificate that one of these signed", "PEM")
    ] = None,
    max_body: Annotated[
        int, Option("the largest request in megabytes (16)", "MB", parse=positive_number)
    ] = 16,
    rate: Annotated[
        int | None,
        Option("requests of one client in a second (any)", "N", parse=positive_number),
    ] = None,
    count: Annotated[
        bool, Option("count what is served into the store, where assay monitor judges each day")
    ] = False,
) -> None:
    from assay.serve import command

    options = command.ServeOptions(
        host, port, token_file, certificate, key, client_ca, max_body, rate, count
    )
    command.run(*call.project, version, options, call.show)
