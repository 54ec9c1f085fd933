"""Commands for what a version would change: plan it, approve the plan, apply it."""

from typing import Annotated, Literal

from assay.cli.command import (
    Because,
    Call,
    First,
    Group,
    Last,
    Option,
    distance,
)
from assay.errors import UsageError

PLAN = Group("see it before it happens")


@PLAN(
    "plan",
    "score real nights with the bundle at HEAD where no reader sees it, and show what changes",
    "assay plan --from 2013-07-01 --to 2013-07-07",
    words="plans.plan_lines",
)
def plan(
    call: Call,
    *,
    first: First = None,
    last: Last = None,
    due: Annotated[
        bool, Option("the nights that are due, instead of the newest seven that are published")
    ] = False,
    by: Annotated[
        float | None,
        Option("a score that changes by more counts as moved (0.1)", "X", parse=distance),
    ] = None,
    bump: Annotated[
        Literal["major", "minor", "patch"], Option("as promotion will be told (minor)")
    ] = "minor",
    dry_run: Annotated[bool, Option("keep nothing to apply, write nothing to the store")] = False,
) -> object:
    from assay.plan import stage

    if (first is None) != (last is None) or (due and first):
        raise UsageError(
            "say which nights once",
            where="assay plan",
            expected="--due, or --from DAY --to DAY, or neither",
        )
    return stage.run(*call.project, first, last, due=due, by=by, bump=bump, dry_run=dry_run)


@PLAN(
    "approve",
    "agree to a plan, by a tag that names its digest",
    "assay approve --as marketing --because 'the campaign can take 2,000 rows more'",
    keys="who plan by because tag",
)
def approve(
    call: Call,
    *,
    who: Annotated[str, Option("an entry of approvals in params.yaml", "WHO", "--as")],
    because: Because,
    plan: Annotated[str | None, Option("its digest, instead of the newest", "DIGEST")] = None,
) -> object:
    from assay.promotion import approvals

    return approvals.approve(*call.project, who, because, plan)


@PLAN(
    "apply",
    "publish the planned runs of the version that holds the stage, without scoring again",
    "assay apply --exact",
    words="plans.apply_lines",
    front=True,
)
def apply(
    call: Call,
    *,
    exact: Annotated[
        bool, Option("refuse if a night is not as it was planned, instead of scoring it")
    ] = False,
    if_planned: Annotated[
        bool, Option("do nothing if no planned night waits, or an approval is missing")
    ] = False,
) -> object:
    from assay.plan import apply

    return apply.run(*call.project, exact=exact, if_planned=if_planned)
