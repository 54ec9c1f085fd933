from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image import machine
from tests.image.machine import Machine

BASE = "localhost/debian-python"


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Where images are built and run, with a base image of Debian's packages in it."""
    why = machine.unready()
    if why is not None:
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("images")
    here = Machine(folder)
    here.make_base(BASE)
    yield here
    # Each layer is a whole copy: pytest would keep three runs of them.
    subprocess.run([*machine.AS_ROOT, "rm", "-rf", folder], check=True)


@pytest.fixture(scope="session")
def score(images: Machine) -> str:
    """The digest of the image for scoring."""
    return images.build("score", "assay", BASE)


@pytest.fixture(scope="session")
def full(images: Machine) -> str:
    """The digest of the image with everything."""
    return images.build("full", "assay", BASE)


@pytest.fixture
def volume(promoted: Path, tmp_path: Path) -> Path:
    """A promoted project that belongs to the container's user."""
    tmp_path.chmod(0o755)
    root = tmp_path / "parcels"
    machine.must("cp", "--archive", promoted, root)
    machine.give(root)
    return root
