"""Names the Debian packages that tests talk to and that this machine lacks; .ci/run installs them.

It asks what the tests ask before they skip, so the two cannot disagree.
"""

from __future__ import annotations

import shutil

from tests import browser, keys, postgres


def missing() -> list[str]:
    """Packages to install; none if every test can run."""
    needs = {
        "postgresql": bool(postgres.missing()),
        "chromium": browser.CHROMIUM is None,
        "gnupg": keys.GPG is None,
        "openssh-client": shutil.which("ssh-keygen") is None,
        "gcc": shutil.which("cc") is None,
        "libc6-dev": shutil.which("cc") is None,
        "qemu-user": shutil.which("qemu-aarch64") is None,
        "systemd": shutil.which("systemd-analyze") is None,
    }
    return [name for name, lacking in needs.items() if lacking]


if __name__ == "__main__":
    print(*missing())
