"""Real keys and real signatures, for tests of who made a tag."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

GPG = shutil.which("gpg")


class Keys:
    """SSH keys of people in a folder, made when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def private(self, name: str) -> Path:
        file = self.folder / name
        if not file.exists():
            made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(file)]
            subprocess.run(made, check=True)
        return file

    def allowed(self, name: str, options: str = "") -> str:
        """A line of a file of allowed signers."""
        kind, key, _ = self.private(name).with_suffix(".pub").read_text().split()
        return f"{name}@example.com {options}{' ' if options else ''}{kind} {key}\n"

    def sign_as(self, root: Path, name: str, key: str | None = None) -> None:
        """Git's own settings in a clone: who is at work there, with which key."""
        for setting, value in {
            "gpg.format": "ssh",
            "user.signingkey": str(self.private(key or name)),
        }.items():
            subprocess.run(["git", "config", setting, value], cwd=root, check=True)
        for role in ("AUTHOR", "COMMITTER"):
            os.environ[f"GIT_{role}_NAME"] = name.title()
            os.environ[f"GIT_{role}_EMAIL"] = f"{name}@example.com"


def gpg_key(home: Path, name: str) -> str:
    """A key of GPG in a home of its own; its public half, in letters."""
    home.mkdir(mode=0o700, parents=True)
    asked = ["gpg", "--batch", "--homedir", str(home)]
    person = f"{name.title()} <{name}@example.com>"
    passphrase = ["--passphrase", "", "--quick-generate-key", person, "ed25519", "sign"]
    subprocess.run([*asked, *passphrase], check=True, capture_output=True)
    done = subprocess.run([*asked, "--armor", "--export"], check=True, capture_output=True)
    return done.stdout.decode()
