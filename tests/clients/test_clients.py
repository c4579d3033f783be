"""Programs with other Graph libraries make Microsoft's documented calls to an emulator.

Building them takes minutes, so they run as `make clients` and not as a part of `make check`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from entra_emulator import (
    DEFAULT_APPLICATION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Emulator,
)

HERE = Path(__file__).resolve().parent
PAIR_TYPE = "microsoft.graph.synchronizationSecretKeyStringValuePair"
BUILD_LIMIT = 1800
RUN_LIMIT = 120

pytestmark = pytest.mark.clients


@dataclass(frozen=True)
class Client:
    """A program in the folder of its language, and the name of its token library."""

    language: str
    user_agent: str
    tools: tuple[str, ...]
    build: tuple[str, ...]
    run: tuple[str, ...]


CLIENTS = [
    Client("python", "azsdk-python-identity/", (), (), (sys.executable, "main.py")),
    Client(
        "javascript",
        "azsdk-js-identity/",
        ("node", "npm"),
        ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund"),
        ("node", "main.js"),
    ),
    Client(
        "java",
        "azsdk-java-azure-identity/",
        ("java", "javac", "mvn"),
        ("mvn", "--quiet", "--batch-mode", "package"),
        ("java", "-cp", os.pathsep.join(("target/classes", "target/lib/*")), "Main"),
    ),
    Client(
        "go",
        "azsdk-go-azidentity/",
        ("go",),
        ("go", "build", "-o", "build/client", "."),
        (str(HERE / "go/build/client"),),
    ),
]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.language)
def test_a_client_authorizes_a_service_principal_and_an_application(
    client: Client, emulator: Emulator, record_property: Callable[[str, object], None]
) -> None:
    missing = [tool for tool in client.tools if not shutil.which(tool)]
    if missing:
        pytest.skip(f"{client.language}: {' and '.join(missing)} missing on PATH")
    began = time.monotonic()
    if client.build:
        output_of(client, client.build, os.environ.copy(), BUILD_LIMIT)
    record_property("seconds of building", round(time.monotonic() - began))
    values = {"BaseAddress": "https://contoso.example/scim", "SecretToken": str(uuid4())}
    environment = {
        **os.environ,
        **emulator.environment,
        "NODE_EXTRA_CA_CERTS": emulator.ca_file,  # Node reads it at its start only
        "SERVICE_PRINCIPAL_ID": DEFAULT_SERVICE_PRINCIPAL_ID,
        "APPLICATION_ID": DEFAULT_APPLICATION_ID,
        "BASE_ADDRESS": values["BaseAddress"],
        "SECRET_TOKEN": values["SecretToken"],
    }

    (line,) = output_of(client, client.run, environment, RUN_LIMIT).splitlines()

    for name, version in json.loads(line).items():
        record_property(name, version)
    posts = emulator.journal.select("POST", "/v1.0/*")
    assert [(call.path, call.status) for call in posts] == [
        (f"/v1.0/{target}/synchronization/acquireAccessToken", 204)
        for target in (
            f"servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}",
            f"applications/{DEFAULT_APPLICATION_ID}",
        )
    ]
    for call in posts:
        pairs = call.body["credentials"]
        # The page's Go snippet tells no type.
        assert {pair.pop("@odata.type", PAIR_TYPE).lstrip("#") for pair in pairs} == {PAIR_TYPE}
        assert call.body == {"credentials": [{"key": key, "value": "***"} for key in values]}
    # One or more: MSAL for Java forgets tokens of an authority with a port, see
    # https://github.com/AzureAD/microsoft-authentication-library-for-java/issues/529
    tokens = emulator.journal.select("POST", "*/oauth2/v2.0/token")
    assert {call.status for call in tokens} == {200}
    assert all(str(call.user_agent).startswith(client.user_agent) for call in tokens)
    assert emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID) == values
    assert emulator.tenant.secrets("applications", DEFAULT_APPLICATION_ID) == values


def test_terraform_creates_an_application_sees_no_drift_and_destroys_it(
    emulator: Emulator, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    if not shutil.which("terraform"):
        pytest.skip("terraform missing on PATH")
    shutil.copy(HERE / "terraform/main.tf", tmp_path)
    quiet = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    began = time.monotonic()
    init = run(("terraform", "init", "-no-color"), tmp_path, quiet, BUILD_LIMIT)
    if "Failed to query available provider packages" in init.stderr:
        pytest.skip("terraform can't get its azuread provider, neither installed nor downloaded")
    assert init.returncode == 0, init.stdout + init.stderr
    record_property("seconds of building", round(time.monotonic() - began))
    versions = json.loads(run(("terraform", "version", "-json"), tmp_path, quiet, RUN_LIMIT).stdout)
    (provider,) = versions["provider_selections"].values()
    record_property("language", f"Terraform {versions['terraform_version']}")
    record_property("sdk", f"azuread {provider}")
    values = {"BaseAddress": "https://contoso.example/scim", "SecretToken": str(uuid4())}
    environment = {
        **{name: value for name, value in quiet.items() if not name.startswith("ARM_")},
        "ARM_METADATA_HOSTNAME": emulator.url.removeprefix("https://"),
        "ARM_TENANT_ID": emulator.environment["AZURE_TENANT_ID"],
        "ARM_CLIENT_ID": emulator.environment["AZURE_CLIENT_ID"],
        "ARM_CLIENT_SECRET": emulator.environment["AZURE_CLIENT_SECRET"],
        "NO_PROXY": emulator.environment["NO_PROXY"],
        "SSL_CERT_FILE": emulator.ca_file,
        "TF_VAR_secret_token": values["SecretToken"],
    }

    def terraform(*arguments: str) -> str:
        done = run(("terraform", *arguments, "-no-color"), tmp_path, environment, BUILD_LIMIT)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    terraform("apply", "-auto-approve")
    principal = terraform("output", "-raw", "service_principal")
    assert emulator.tenant.secrets("servicePrincipals", principal) == values
    (started,) = emulator.journal.select("POST", "*/jobs/*/start")
    assert started.status == 204
    terraform("plan", "-detailed-exitcode")
    terraform("destroy", "-auto-approve")
    emptied, gone = emulator.journal.select("PUT", "*/secrets")[-1], "/v1.0/servicePrincipals/*"
    assert emptied.body == {"value": [{"key": key, "value": ""} for key in values]}
    assert [call.status for call in emulator.journal.select("DELETE", gone)] == [204, 204]


def run(
    arguments: tuple[str, ...], folder: Path, environment: dict[str, str], limit: int
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )


def output_of(
    client: Client, arguments: tuple[str, ...], environment: dict[str, str], limit: int
) -> str:
    done = run(arguments, HERE / client.language, environment, limit)
    assert done.returncode == 0, f"{' '.join(arguments)}:\n{done.stdout}{done.stderr}"
    return done.stdout
