"""What lies on a machine that is thrown away is refused before a night is scored."""

from __future__ import annotations

from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.errors import BundleMissing, StoreError
from assay.registry.hosted import bucket


@pytest.mark.parametrize(
    ("address", "far"),
    [
        ("store", False),
        ("/mnt/store", False),
        ("file:///mnt/store", False),
        ("file://host/store", False),
        ("s3://bucket/store", True),
        ("gs://bucket", True),
        ("abfss://box@account.dfs.core.windows.net/store", True),
        ("ssh://host/path", True),
        ("s3://", False),
    ],
)
def test_an_address_leads_to_another_machine_or_not(address: str, far: bool) -> None:
    assert bucket.elsewhere(address) is far


def test_both_are_named_at_once_and_each_alone(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    root = str(project.root)
    assert main(["check", "--bucket", "--root", root]) == StoreError.exit_code
    store, remote = capsys.readouterr().err.splitlines()
    assert "params.yaml: store: it is a folder of this machine" in store
    assert "dvc remote add --default NAME URL" in remote

    params = project.root / "params.yaml"
    params.write_text(params.read_text() + "store: s3://bucket/store\n")
    assert main(["check", "--bucket", "--root", root]) == BundleMissing.exit_code
    assert len(capsys.readouterr().err.splitlines()) == 1

    project.dvc("remote", "add", "--quiet", "--default", "far", "ssh://host/path")
    assert main(["check", "--bucket", "--root", root]) == 0
    assert "the DVC remote ssh://host/path" in capsys.readouterr().out
