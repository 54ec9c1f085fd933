"""The objects against Kubernetes' own schemas."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest

from assay.errors import ParamsError
from assay.ops.deploy.target import RETRIED
from tests.ops.deploy.given import NASTY, documents, project, texts

VERSION = "1.31"
"""The oldest Kubernetes that the objects are held to; the newest is the validator's own."""


def objects(given: Any = None) -> dict[str, dict[str, Any]]:
    """Kind -> object, of all files."""
    found = {}
    for text in texts(given or project(), "kubernetes").values():
        found |= {each["kind"]: each for each in documents(text)}
    return found


def test_a_cronjob_has_its_volume() -> None:
    assert objects().keys() == {"CronJob", "PersistentVolumeClaim"}


@pytest.mark.parametrize("version", [VERSION, kubernetes_validate.latest_version()])
def test_kubernetes_knows_every_key(version: str) -> None:
    for found in objects(project(folder=NASTY)).values():
        kubernetes_validate.validate(found, version, strict=True)


def test_kubernetes_would_tell_an_unknown_key() -> None:
    wrong = objects()["CronJob"]
    wrong["spec"]["jobTemplate"]["spec"]["template"]["spec"]["runAsNonRoot"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSION, strict=True)


def test_the_cronjob_forbids_overlap_and_ends() -> None:
    spec = objects()["CronJob"]["spec"]
    job = spec["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    assert (spec["concurrencyPolicy"], spec["timeZone"]) == ("Forbid", "Etc/UTC")
    assert spec["schedule"] == "17 5 * * *"
    assert pod["activeDeadlineSeconds"] == 240 * 60
    assert job["activeDeadlineSeconds"] == 60 * (3 * 240 + 2 * 5)
    assert (job["backoffLimit"], pod["restartPolicy"]) == (2, "Never")


def test_only_a_failure_that_may_pass_is_tried_again() -> None:
    job = objects()["CronJob"]["spec"]["jobTemplate"]["spec"]
    ignored, failed = job["podFailurePolicy"]["rules"]
    assert ignored["action"] == "Ignore"
    assert failed["action"] == "FailJob"
    assert failed["onExitCodes"] == {
        "containerName": job["template"]["spec"]["containers"][0]["name"],
        "operator": "NotIn",
        "values": list(RETRIED),
    }


def test_nothing_is_root_and_secrets_are_references() -> None:
    pod = objects()["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] != 0
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["envFrom"] == [{"secretRef": {"name": "late-flights", "optional": True}}]


def test_arguments_arrive_as_they_are() -> None:
    cronjob = objects(project(folder=NASTY))["CronJob"]
    (container,) = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    # Kubernetes turns $$( into $( and expands nothing else here.
    expanded = [word.replace("$$(", "$(") for word in container["args"]]
    assert expanded[:3] == ["nightly", "--root", NASTY]
    # Git refuses a clone whose folder belongs to somebody else, as a volume's does.
    assert container["volumeMounts"][0]["mountPath"] == "/srv"


def test_a_folder_without_room_for_a_volume_is_refused() -> None:
    with pytest.raises(ParamsError, match="a folder in a folder"):
        objects(project(folder="/flights"))
