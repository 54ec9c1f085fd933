"""The policies of docs/access.md: each role does its work with the least, and no more.

The server checks IAM's policies. Those of Google and Azure are parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pyarrow.fs as pafs
import pytest
from deltalake import DeltaTable

from assay.cli.__main__ import main
from assay.errors import StoreError
from assay.project import params
from assay.store import open_store
from tests import projects, s3
from tests.scorer import NIGHT

FOLDER = projects.ROOT / "deploy" / "access"
ROLES = ("reader", "runner", "releaser")
BUCKET = "lake"


@pytest.fixture
def endpoint() -> Iterator[str]:
    with s3.serving() as url:
        yield url


def for_the_server(text: str) -> str:
    """A policy as the server takes it, which differs from Amazon in three ways.

    It knows no conditions, calls HeadBucket an action of its own, and asks of the bucket whether
    several objects may be deleted at once, where Amazon asks of each.
    """
    tree = json.loads(text.replace("BUCKET", BUCKET))
    for statement in tree["Statement"]:
        statement.pop("Condition", None)
        if "s3:ListBucket" in statement["Action"]:
            statement["Action"].append("s3:HeadBucket")
        if "s3:DeleteObject" in statement["Action"]:
            statement["Resource"].append(f"arn:aws:s3:::{BUCKET}")
    return json.dumps(tree)


class Roles:
    """Users of the server, each with the policy of its role and nothing else."""

    def __init__(self, endpoint: str, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        s3.use(endpoint, BUCKET, patch)
        patch.setenv("AWS_ALLOW_HTTP", "true")
        self.iam = boto3.client("iam", endpoint_url=endpoint, region_name="us-east-1")
        self.s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        self.keys: dict[str, Any] = {}
        for role in ROLES:
            self.iam.create_user(UserName=role)
            policy = for_the_server((FOLDER / "s3" / f"{role}.json").read_text("utf-8"))
            self.iam.put_user_policy(UserName=role, PolicyName=role, PolicyDocument=policy)
            self.keys[role] = self.iam.create_access_key(UserName=role)["AccessKey"]
        s3.ask_for_keys(endpoint, "0")

    def become(self, role: str) -> None:
        self.patch.setenv("AWS_ACCESS_KEY_ID", self.keys[role]["AccessKeyId"])
        self.patch.setenv("AWS_SECRET_ACCESS_KEY", self.keys[role]["SecretAccessKey"])


def test_each_role_does_its_work_and_no_more(
    live: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    roles = Roles(endpoint, monkeypatch)
    file = live / "params.yaml"
    file.write_text(file.read_text("utf-8") + f"\nstore: s3://{BUCKET}/store\n", "utf-8")
    at = ("--root", str(live))
    why = ("--because", "tried")
    roles.become("runner")
    assert main(["score", "--date", NIGHT, *at]) == 0
    store = open_store(live, params.load(live))
    rows, run_id = store.predictions(NIGHT), store.visible_run(NIGHT)
    assert run_id is not None

    roles.become("reader")
    table = DeltaTable(f"s3://{BUCKET}/store/predictions").to_pyarrow_table()
    assert table.num_rows == rows.num_rows
    for other in ("runs", "profiles"):
        with pytest.raises(OSError, match=r"403|Forbidden|AccessDenied"):
            DeltaTable(f"s3://{BUCKET}/store/{other}").to_pyarrow_table()
    with pytest.raises(OSError, match=r"ACCESS_DENIED|Access ?Denied"):
        pafs.S3FileSystem(**where(endpoint)).open_output_stream(f"{BUCKET}/store/x").close()
    assert main(["retract", run_id, *why, *at]) == StoreError.exit_code

    roles.become("releaser")
    assert main(["retract", run_id, *why, *at]) == 0
    assert store.visible_run(NIGHT) is None
    with pytest.raises(OSError, match=r"ACCESS_DENIED|Access ?Denied"):
        pafs.S3FileSystem(**where(endpoint)).delete_dir(f"{BUCKET}/store/runs")
    key = rows["parcel"][0].as_py()

    roles.become("runner")
    assert main(["score", "--date", NIGHT, *at]) == 0
    assert main(["export", "--date", NIGHT, "--to", f"csv:{tmp_path / 'x.csv'}", *at]) == 0
    assert main(["forget", "--key", f"parcel={key}", *why, *at]) == 0
    assert store.predictions(NIGHT).num_rows == rows.num_rows - 1
    with pytest.raises(OSError, match=r"ACCESS_DENIED|Access ?Denied"):
        pafs.S3FileSystem(**where(endpoint)).open_output_stream(f"{BUCKET}/dvc/x").close()


def where(endpoint: str) -> dict[str, str]:
    scheme, _, host = endpoint.partition("://")
    return {"endpoint_override": host, "scheme": scheme, "region": "us-east-1"}


@pytest.mark.parametrize("by", ["bucket", "variables"])
def test_what_is_encrypted_with_a_key_of_one_s_own(
    live: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    s3.use(endpoint, BUCKET, monkeypatch)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    if by == "bucket":
        rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        client.put_bucket_encryption(
            Bucket=BUCKET,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": rule}]
            },
        )
    else:
        monkeypatch.setenv("AWS_SERVER_SIDE_ENCRYPTION", "aws:kms")
        monkeypatch.setenv("AWS_SSE_KMS_KEY_ID", key)
    file = live / "params.yaml"
    file.write_text(file.read_text("utf-8") + f"\nstore: s3://{BUCKET}/store\n", "utf-8")
    assert main(["score", "--date", NIGHT, "--root", str(live)]) == 0
    found: dict[bool, set[str | None]] = {True: set(), False: set()}
    for each in client.list_objects_v2(Bucket=BUCKET)["Contents"]:
        told = client.head_object(Bucket=BUCKET, Key=each["Key"])
        found["_delta_log" in each["Key"]].add(told.get("SSEKMSKeyId"))
    # Commits are written by delta-rs, and all rows by Arrow, which knows no such variables.
    assert found == {True: {key}, False: {key if by == "bucket" else None}}


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*/*.json")), ids=lambda file: file.stem)
def test_a_policy_is_whole_and_names_no_more_than_its_role(file: Path) -> None:
    text = file.read_text("utf-8")
    tree = json.loads(text)
    assert "BUCKET" in text or "CONTAINER" in text
    if file.stem == "bucket":
        assert tree["Statement"][0]["Effect"] == "Deny"
        return
    places = set(re.findall(r"(?:BUCKET/(?:objects/)?|StringLike ')([a-z-]+(?:/[a-z]+)?)/", text))
    wanted = {
        "reader": {"store/predictions"},
        "releaser": {"store", "dvc"},
        "runner": {"store", "store-reports", "dvc"},
    }[file.stem]
    assert places == wanted
    if (file.stem, file.parent.name) == ("releaser", "s3"):
        assert "Delete" not in text
    if file.stem == "reader":
        assert not re.search(r"Put|Write|write|Creator|User\"|Contributor", text)
