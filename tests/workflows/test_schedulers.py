"""What is written is run: each target's own command, with its very arguments, scores a night.

The project is the small one of the tests, its rows, store and reports in a bucket on loopback, its
bundle in a DVC remote, its promoted commit and tags in a bare repository. What differs from the
files is the folder of the clone, where a platform fixes it, and `--date`, which names the night.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs
import pytest
from ruamel.yaml import YAML

from assay.project import params
from assay.project.params import Params
from assay.store import open_store
from assay.store.delta.location import filesystem
from tests import projects, s3
from tests.ops.deploy.given import documents, texts
from tests.ops.deploy.test_airflow import run as run_dag

BUCKET = "s3://nights"
TOOLS = Path(sys.executable).parent


@dataclass(frozen=True)
class Site:
    """Where a project lives when it is scheduled."""

    origin: Path
    work: Path

    def clone(self, name: str) -> Path:
        """A machine's clone, with the tools in the `.venv` that the files expect."""
        folder = self.work / name
        projects.call(self.work, "git", "clone", "--quiet", str(self.origin), str(folder))
        (folder / ".venv").mkdir()
        (folder / ".venv" / "bin").symlink_to(TOOLS)
        return folder

    def params(self, folder: Path) -> Params:
        """The project's parameters, with ``folder`` as the place of its clone."""
        given = params.load(self.work / "project")
        schedule = given.schedule.model_copy(update={"folder": str(folder)})
        return given.model_copy(update={"schedule": schedule})


@pytest.fixture(scope="module")
def site(promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    work = tmp_path_factory.mktemp("site")
    root, origin = work / "project", work / "origin.git"
    shutil.copytree(promoted, root, symlinks=True)
    with s3.serving() as endpoint, pytest.MonkeyPatch.context() as patch:
        s3.use(endpoint, BUCKET.removeprefix("s3://"), patch)
        scheduled(root, origin)
        bucket, path = filesystem(f"{BUCKET}/raw")
        pafs.copy_files(str(root / "data/raw"), path, pafs.LocalFileSystem(), bucket)
        call = projects.call
        call(root, "dvc", "remote", "add", "--default", "shelf", str(work / "shelf"))
        call(root, "dvc", "push", "--quiet")
        call(root, "git", "add", "--all")
        call(root, "git", "commit", "--quiet", "--message", "Schedule")
        call(work, "git", "clone", "--quiet", "--bare", str(root), str(origin))
        yield Site(origin, work)


def scheduled(root: Path, origin: Path) -> None:
    """Rows and store in the bucket, and what each target needs to know."""
    yaml = YAML()
    path = root / "params.yaml"
    tree = yaml.load(path.read_text())
    tree["store"], tree["score"]["input"] = f"{BUCKET}/store", f"{BUCKET}/raw"
    branch = projects.call(root, "git", "branch", "--show-current").strip()
    tree["schedule"] = {
        "repository": str(origin),
        "branch": branch,
        "image": "registry.example.com/assay:1",
    }
    with path.open("w") as file:
        yaml.dump(tree, file)


def run(command: list[str], cwd: Path, **env: str) -> int:
    given = {**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}", **env}
    done = subprocess.run(command, cwd=cwd, env=given, capture_output=True, text=True)
    print(done.stdout, done.stderr)
    return done.returncode


def published(site: Site, night: str) -> bool:
    given = site.params(site.work / "project")
    return open_store(site.work, given).published_run(night) is not None


def check(site: Site, code: int, night: str) -> None:
    """Published; the exit code is 0 or, where answers show, that of a limit that was crossed."""
    assert code in (0, 4)
    assert published(site, night)


def test_cron(site: Site) -> None:
    night, folder = "2024-03-01", site.clone("cron")
    files = texts(site.params(folder), "cron")
    script = folder / "nightly.sh"
    script.write_text(
        files["nightly.sh"].replace("nightly --pull", f"nightly --pull --date {night}")
    )
    check(site, run(["/bin/sh", str(script)], Path("/")), night)


def test_systemd(site: Site) -> None:
    night, folder = "2024-03-02", site.clone("systemd")
    unit = texts(site.params(folder), "systemd")["assay-parcels.service"]
    (line,) = [each for each in unit.splitlines() if each.startswith("ExecStart=")]
    (path,) = [each for each in unit.splitlines() if each.startswith("Environment=")]
    name, value = shlex.split(path.removeprefix("Environment="))[0].split("=", 1)
    assert name == "PATH"
    command = [*shlex.split(line.removeprefix("ExecStart=")), "--date", night]
    check(site, run(command, folder, PATH=value), night)


def test_airflow(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    night, folder = "2024-03-03", site.clone("airflow")
    text = texts(site.params(folder), "airflow")["parcels_nightly.py"]
    _, task = run_dag(text, monkeypatch)
    command = f"{task['bash_command']} --date {night}"
    check(site, run(["bash", "-c", command], Path(task["cwd"]), **task["env"]), night)


def test_gitlab(site: Site) -> None:
    night, folder = "2024-03-04", site.clone("gitlab")
    (jobs,) = documents(texts(site.params(folder), "gitlab")["assay.gitlab-ci.yml"])
    (command,) = jobs["nightly"]["script"]
    script = "\n".join(["set -e", *jobs[".assay"]["before_script"], f"{command} --date {night}"])
    script = script.replace("/tmp/assay-id-token", str(folder.with_name("token")))
    check(site, run(["bash", "-c", script], folder), night)


def test_a_kubernetes_cronjob_fills_its_volume(site: Site) -> None:
    night, folder = "2024-03-05", site.work / "volume" / "parcels"
    folder.parent.mkdir()
    cronjob = documents(texts(site.params(folder), "kubernetes")["cronjob.yaml"])[0]
    pod = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    command = [*container["command"], *container["args"], "--date", night]
    assert run(command, Path("/")) == 0
    assert published(site, night)
