"""The objects against Kubernetes' own schemas and spark-operator's own models."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
from kubeflow_spark_api import models

from assay.errors import ParamsError
from assay.ops.deploy.target import RETRIED
from tests.ops.deploy.given import NASTY, documents, project, texts, with_spark

VERSION = "1.31"
"""The oldest Kubernetes that the objects are held to; the newest is the validator's own."""


def objects(given: Any = None) -> dict[str, dict[str, Any]]:
    """Kind -> object, of all files."""
    found = {}
    for text in texts(given or project(), "kubernetes").values():
        found |= {each["kind"]: each for each in documents(text)}
    return found


PLAIN = ("CronJob", "PersistentVolumeClaim", "ConfigMap", "ServiceAccount", "Role", "RoleBinding")
SPARK = {
    "SparkApplication": models.SparkV1beta2SparkApplication,
    "ScheduledSparkApplication": models.SparkV1beta2ScheduledSparkApplication,
}


def test_every_kind_is_checked() -> None:
    assert objects().keys() == {*PLAIN, *SPARK}


@pytest.mark.parametrize("version", [VERSION, kubernetes_validate.latest_version()])
def test_kubernetes_knows_every_key(version: str) -> None:
    found = objects(project(folder=NASTY))
    for kind in PLAIN:
        kubernetes_validate.validate(found[kind], version, strict=True)


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
    for role in ("driver", "executor"):
        worker = objects()["SparkApplication"]["spec"][role]
        assert worker["podSecurityContext"]["runAsNonRoot"] is True
        assert worker["envFrom"] == container["envFrom"]


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


def keys(value: Any, path: str = "") -> set[str]:
    """Every key of nested mappings, with its path; lists count as one."""
    if isinstance(value, dict):
        return {f"{path}.{key}" for key in value} | {
            found for key, each in value.items() for found in keys(each, f"{path}.{key}")
        }
    if isinstance(value, list):
        return {found for each in value for found in keys(each, f"{path}[]")}
    return set()


@pytest.mark.parametrize("kind", SPARK)
def test_spark_operator_knows_every_key(kind: str) -> None:
    """Its models drop unknown keys in silence, so that a round trip shows them."""
    given = with_spark(project(), spark__executor__instances="5", spark__executor__memory="4g")
    found = objects(given)[kind]
    again = SPARK[kind].from_dict(found)
    assert again is not None
    assert keys(found) - keys(again.to_dict()) == set()


def test_an_unknown_key_would_be_seen_and_a_wrong_type_refused() -> None:
    found = objects()["SparkApplication"]
    found["spec"]["driver"]["memroy"] = "2g"
    again = SPARK["SparkApplication"].from_dict(found)
    assert again is not None
    assert keys(found) - keys(again.to_dict()) == {".spec.driver.memroy"}
    found["spec"]["executor"]["instances"] = "two"
    with pytest.raises(ValueError, match="instances"):
        SPARK["SparkApplication"].from_dict(found)


def test_both_spark_applications_are_one() -> None:
    found = objects()
    assert (
        found["SparkApplication"]["spec"] == found["ScheduledSparkApplication"]["spec"]["template"]
    )
    assert found["ScheduledSparkApplication"]["spec"]["concurrencyPolicy"] == "Forbid"


def test_spark_s_settings_are_text_and_the_operator_names_the_master() -> None:
    nasty = with_spark(project(), spark__x=NASTY, spark__executor__instances="5")
    spec = objects(nasty)["SparkApplication"]["spec"]
    assert spec["sparkConf"] == {"spark.x": NASTY, "spark.executor.instances": "5"}
    assert spec["executor"]["instances"] == 5
    assert "sparkConf" not in objects()["SparkApplication"]["spec"]


def test_what_the_driver_starts_is_there() -> None:
    found = objects()
    spec = found["SparkApplication"]["spec"]
    file = spec["mainApplicationFile"].removeprefix("local://")
    (mount,) = [each for each in spec["driver"]["volumeMounts"] if each["name"] == "night"]
    assert file == f"{mount['mountPath']}/night.py"
    assert "night.py" in found["ConfigMap"]["data"]
    (volume,) = [each for each in spec["volumes"] if each["name"] == "night"]
    assert volume["configMap"]["name"] == found["ConfigMap"]["metadata"]["name"]
    assert spec["driver"]["serviceAccount"] == found["ServiceAccount"]["metadata"]["name"]
