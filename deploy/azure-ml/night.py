"""The entry point where a platform starts a Python file: the command line, and its exit code.

Written by `assay deploy`. An exit with 0 is left to the end of the file, because some platforms
take any SystemExit for a failure.
"""

import json
import os
import sys
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from assay.cli.__main__ import main


def ask(address, **headers):
    with urlopen(Request(address, headers=headers), timeout=30) as answer:
        return json.load(answer)


def token(resource):
    """A token of the job's managed identity, from where Azure ML gives it; no key is kept."""
    asked = {"api-version": "2017-09-01", "resource": resource}
    if "DEFAULT_IDENTITY_CLIENT_ID" in os.environ:
        asked["clientid"] = os.environ["DEFAULT_IDENTITY_CLIENT_ID"]
    address = f"{os.environ['MSI_ENDPOINT']}?{urlencode(asked)}"
    return ask(address, Secret=os.environ["MSI_SECRET"])["access_token"]


def secret(name):
    """A secret of the key vault, which the identity may read."""
    address = f"https://late-flights.vault.azure.net/secrets/{name}?api-version=7.4"
    return ask(address, Authorization=f"Bearer {token('https://vault.azure.net')}")["value"]


if "MSI_ENDPOINT" not in os.environ:
    sys.exit("this job has no managed identity: give one to the workspace (docs/schedulers.md)")
# delta-rs takes this token; Arrow and DVC ask for theirs.
os.environ["AZURE_STORAGE_TOKEN"] = token("https://storage.azure.com")
os.environ.update(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="http.extraHeader")
os.environ["GIT_CONFIG_VALUE_0"] = secret("late-flights-git-header")

if code := main(sys.argv[1:]):
    sys.exit(code)
