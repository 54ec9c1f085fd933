"""The command of sites that learn a model together."""

from typing import Annotated

from assay.cli.command import Call, Group, Option, distance

TOGETHER = Group("learn where rows may not leave")


@TOGETHER(
    "federate",
    "take part in learning one linear model over the rows of several sites",
    "assay federate --site JFK --folder s3://shared/federate --session 2024-06",
    words="stages.agreed_lines",
)
def federate(
    call: Call,
    *,
    site: Annotated[str, Option("which of federate.sites in params.yaml this is", "NAME")],
    folder: Annotated[str, Option("a folder or bucket that all sites reach", "PATH")],
    session: Annotated[str, Option("a name that was not used there, the same at all", "NAME")],
    patience: Annotated[
        float,
        Option("give a site up that sends nothing for so long (600)", "SECONDS", parse=distance),
    ] = 600.0,
) -> object:
    from assay.federate import command

    return command.run(*call.project, site, folder, session, patience)
