"""What facts about DVC's remote and the promoted bundle mean. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from assay.monitor.doctor.finding import Finding, failed, first_few, ok, warning
from assay.project.text import counted
from assay.registry.remotes.dvc_remote import EXTRAS, DvcRemotes, scheme_of

GUIDE = "see docs/remotes.md"


def judge_dvc(remotes: DvcRemotes) -> Finding:
    """The configuration of DVC's remotes; none was asked."""
    if not remotes.urls:
        return warning(
            "dvc",
            "no remote, so this machine alone has the bundles",
            f"dvc remote add --default NAME URL && dvc push ({GUIDE})",
        )
    if remotes.default is None:
        return failed(
            "dvc",
            f"none of the remotes is the default: {first_few(sorted(remotes.urls))}",
            f"dvc remote default {min(remotes.urls)}",
        )
    if remotes.default not in remotes.urls:
        return failed(
            "dvc",
            f"the default remote {remotes.default} is not among those that are configured",
            f"dvc remote add {remotes.default} URL",
        )
    if remotes.missing is not None:
        extra = EXTRAS[remotes.scheme]
        return failed(
            "dvc",
            f"{remotes.urls[remotes.default]} needs {remotes.missing}, which is not installed",
            f"make setup EXTRAS={extra}, or pip install 'assay[{extra}]'",
        )
    if remotes.exposed:
        name, _, option = remotes.exposed[0].partition(".")
        return warning(
            "dvc",
            f"a secret stands in .dvc/config, which git keeps: {first_few(remotes.exposed)}",
            f"dvc remote modify --unset {name} {option}, then dvc remote modify --local {name} "
            f"{option} VALUE; and replace the secret, for git keeps the old one",
        )
    return ok("dvc", f"remote {remotes.default}: {remotes.urls[remotes.default]}")


def judge_remote(remotes: DvcRemotes, empty: bool) -> Finding:
    """The default remote, after it answered."""
    url = remotes.urls[remotes.default or ""]
    if empty:
        return warning("remote", f"{url} answers and holds nothing yet", "dvc push")
    how = "answers and accepts the credentials" if scheme_of(url) else "can be read"
    return ok("remote", f"{url} {how}")


def judge_bundle(version: str, digest: str, files: int, absent: Sequence[str] | None) -> Finding:
    """The promoted bundle, after it was fetched and its digest was checked.

    Parameters
    ----------
    absent
        Files of it that the remote does not have; None if there is no remote that could be asked.
    """
    here = f"{version} is here, {digest[:19]}"
    if absent is None:
        return ok("bundle", here)
    if absent:
        return warning(
            "bundle",
            f"{here}, but the remote lacks {len(absent)} of its {counted(files, 'file')}, so no "
            f"other machine can score with it: {first_few(absent)}",
            "dvc push --all-tags",
        )
    return ok("bundle", f"{here} and in the remote")
