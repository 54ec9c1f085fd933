"""Images and containers on this machine: what is needed, a base image, one container's run.

Everything lies in a folder of its own, so nothing is left in the machine's own image store, and
the same works inside a container or a virtual machine: files are copied (``vfs``), and builds run
in a plain chroot.
"""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("buildah", "podman", "runc", "mmdebstrap")
"""Each is in the Debian package of its name."""

KEYRING = "debian-archive-keyring"
"""What Debian's packages are checked with: a file and its package."""

AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]
"""What comes before a command that takes root."""

BASE_PACKAGES = "python3,python3-venv,git,ca-certificates,libstdc++6"
SUITE = "trixie"
EPOCH = "1767225600"
"""The time that the images state, 2026-01-01: before and after it are no different."""

USER = "65532"

HERE = (
    *("--isolation", "chroot", "--network", "host", "--pull=never"),
    *("--ulimit", "nproc=4096:4096", "--ulimit", "nofile=1024:1024"),
)
"""How a build runs on this machine."""

LOCKED = (
    *("--rm", "--pull=never", "--read-only", "--cap-drop", "all"),
    *("--security-opt", "no-new-privileges"),
)
"""How a container runs: nothing may be written but to ``/tmp`` and what is mounted."""


def unready() -> str | None:
    """Why images cannot be built here; None once what they need is installed."""
    if AS_ROOT and subprocess.run([*AS_ROOT, "true"], capture_output=True).returncode:
        return "images are built as root here, and this is neither root nor may it sudo"
    lacking = [command for command in COMMANDS if not shutil.which(command)]
    if not any(Path("/usr/share/keyrings").glob(f"{KEYRING}.*")):
        lacking.append(KEYRING)
    if not lacking:
        return None
    if not shutil.which("apt-get"):
        return f"{', '.join(lacking)} cannot be installed without apt-get"
    quiet = ("--yes", "--quiet=2", "--no-install-recommends")
    for command in (["apt-get", "update", "--quiet=2"], ["apt-get", "install", *quiet, *lacking]):
        done = subprocess.run([*AS_ROOT, *command], capture_output=True, text=True)
        if done.returncode:
            return f"{' '.join(command)}: {done.stderr.strip()[-300:]}"
    return None


def must(*command: str | Path, **environment: str) -> str:
    """What a command printed; it must end with 0."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    last = (done.stdout + done.stderr)[-4000:]
    assert done.returncode == 0, f"{command[0]} ended {done.returncode}:\n{last}"
    return done.stdout


@dataclass(frozen=True)
class Machine:
    """Images that are kept in ``folder``."""

    folder: Path

    @property
    def options(self) -> list[str]:
        """What buildah and podman must be told to share these images."""
        place = ["--root", str(self.folder / "images"), "--runroot", str(self.folder / "run")]
        return ["--storage-driver", "vfs", *place]

    @property
    def podman(self) -> list[str]:
        return [*AS_ROOT, "podman", "--runtime", "runc", *self.options]

    @property
    def builder(self) -> str:
        return " ".join([*AS_ROOT, "buildah", *self.options])

    def make_base(self, name: str) -> None:
        """An image with Debian's Python, venv and git, made from Debian's own packages."""
        context = self.folder / "base"
        context.mkdir(parents=True)
        must(
            *(*AS_ROOT, "env", f"SOURCE_DATE_EPOCH={EPOCH}", "mmdebstrap", "--quiet"),
            *("--variant=essential", f"--include={BASE_PACKAGES}", SUITE, context / "rootfs.tar"),
        )
        (context / "Containerfile").write_text("FROM scratch\nADD rootfs.tar /\n")
        must(
            *(*AS_ROOT, "buildah", *self.options, "build", "--isolation", "chroot"),
            *("--timestamp", EPOCH),
            *("--tag", name, context),
        )
        (context / "rootfs.tar").unlink()

    def build(self, target: str, name: str, base: str) -> str:
        """Build a target as `make image` does, anew; its digest."""
        with self._index() as files:
            secrets = [f"id={Path(place).name},src={file}" for place, file in files.items()]
            options = [part for secret in secrets for part in ("--secret", secret)]
            must(
                *(sys.executable, ROOT / "scripts" / "image.py", "--target", target),
                *("--name", name, "--base", base, "--builder", self.builder),
                *(*HERE, "--no-cache", *options),
                SOURCE_DATE_EPOCH=EPOCH,
            )
        form = "{{.FromImageDigest}}"
        inspect = ("inspect", "--type", "image", "--format", form, f"{name}:{target}")
        return must(*AS_ROOT, "buildah", *self.options, *inspect).strip()

    def build_on(self, context: Path, containerfile: str, name: str) -> None:
        """Build an image of a user's own, ``FROM`` one that is here."""
        file = self.folder / "Containerfile"
        file.write_text(containerfile, encoding="utf-8")
        with self._index() as files:
            mounts = [part for at, own in files.items() for part in ("--volume", f"{own}:{at}:ro")]
            build = ("build", *HERE, "--tag", name, "--file", file, *mounts, context)
            must(*AS_ROOT, "buildah", *self.options, *build)

    @contextmanager
    def _index(self) -> Iterator[dict[str, Path]]:
        """This machine's package index and its certificate: files, by their place in a build."""
        # An environment that uv made has no pip; the Python that it stands on usually has.
        pythons = (sys.executable, Path(sys.base_prefix) / "bin" / "python3")
        told = [
            subprocess.run([each, "-m", "pip", "config", "list"], capture_output=True, text=True)
            for each in pythons
        ]
        listed = next((done.stdout for done in told if done.returncode == 0), "")
        found = dict(line.partition("=")[::2] for line in listed.splitlines())
        values = {key.rpartition(".")[2]: text.strip("'") for key, text in found.items()}
        own = configparser.RawConfigParser()
        wanted = ("index-url", "extra-index-url", "trusted-host", "default-timeout")
        own["global"] = {key: values[key] for key in wanted if key in values}
        files = {}
        if "cert" in values:
            own["global"]["cert"] = "/etc/pip.crt"
            files["/etc/pip.crt"] = Path(values["cert"]).resolve()
        file = self.folder / "pip.conf"
        with file.open("w", encoding="utf-8") as stream:
            own.write(stream)
        try:
            yield {**files, "/etc/pip.conf": file}
        finally:
            file.unlink()

    def size(self, image: str) -> int:
        """What the image takes on disk, in bytes."""
        form = ("image", "inspect", "--format", "{{.Size}}", image)
        return int(must(*AS_ROOT, "podman", *self.options, *form))

    def run(
        self, image: str, *command: str, project: Path | None = None, entry: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a container: no root, no network, nothing writable but the project."""
        mount = ["--volume", f"{project}:/project"] if project else []
        entrypoint = ["--entrypoint", entry] if entry is not None else []
        return subprocess.run(
            [
                *(*self.podman, "run", *LOCKED, "--network", "none", "--memory", "4g"),
                *(*mount, *entrypoint, image, *command),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    @contextmanager
    def function(
        self, image: str, memory: str, environment: Mapping[str, str]
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A container as Lambda starts it: a user that owns nothing, no shared memory, no swap.

        The kernel kills what takes more than ``memory``. It has this machine's network.
        """
        name = "function"
        options = [
            part for key, value in environment.items() for part in ("--env", f"{key}={value}")
        ]
        limits = ("--memory", memory, "--memory-swap", memory, "--ipc", "none", "--user", "993:990")
        command = (*self.podman, "run", *LOCKED, "--name", name, "--network", "host", *limits)
        # Where it ran out of memory, conmon leaves a file called oom in its working directory.
        process = subprocess.Popen(
            [*command, *options, image], cwd=self.folder, stdin=subprocess.DEVNULL
        )
        try:
            yield process
        finally:
            must(*self.podman, "rm", "--force", "--ignore", "--time", "0", name)
            process.wait()


def give(folder: Path, user: str = USER) -> None:
    """Make ``folder`` that user's, as a volume of a cluster would be."""
    must(*AS_ROOT, "chown", "--recursive", f"{user}:{user}", folder)


def megabytes(size: int) -> int:
    return round(size / 1_000_000)


def lines(text: str) -> Sequence[str]:
    return text.strip().splitlines()
