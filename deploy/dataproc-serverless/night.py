"""The entry point where a platform starts a Python file: the command line, and its exit code.

Written by `assay deploy`. An exit with 0 is left to the end of the file, because some platforms
take any SystemExit for a failure.
"""

import base64
import json
import os
import sys
from urllib.request import Request, urlopen

from assay.cli.__main__ import main


def secret(name):
    """A secret of Secret Manager, which the batch's service account may read; no key is kept."""
    metadata = "http://metadata.google.internal/computeMetadata/v1/"
    flavor = {"Metadata-Flavor": "Google"}

    def ask(address, headers):
        with urlopen(Request(address, headers=headers), timeout=30) as answer:
            return answer.read().decode()

    project = ask(metadata + "project/project-id", flavor)
    token = json.loads(ask(metadata + "instance/service-accounts/default/token", flavor))
    address = f"https://secretmanager.googleapis.com/v1/projects/{project}/secrets/{name}"
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    found = json.loads(ask(f"{address}/versions/latest:access", headers))
    return base64.b64decode(found["payload"]["data"]).decode()


os.environ.update(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="http.extraHeader")
os.environ["GIT_CONFIG_VALUE_0"] = secret("late-flights-git-header")

if code := main(sys.argv[1:]):
    sys.exit(code)
