"""An unchanged production stack runs on the emulator, through the real CLI and engine."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import pytest
from entra_emulator import DEFAULT_CLIENT_ID, Emulator
from support.stack import BEARER, PREAMBLE, Stack

pytestmark = pytest.mark.slow

TENANT_ID = "11111111-2222-4333-8444-555555555555"
CLIENT_ID = "66666666-7777-4888-8999-000000000000"
SECRET = "pl4nted-of-production"


class BlackHole:
    """A server on loopback that never answers, while the `with` block lasts."""

    def __init__(self) -> None:
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._listener.accept()
                self.connections += 1

    def __enter__(self) -> BlackHole:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def production() -> Iterator[BlackHole]:
    with BlackHole() as hole:
        yield hole


@pytest.fixture
def stack(tmp_path: Path, production: BlackHole) -> Stack:
    """A stack that is configured for a production tenant that never answers."""
    stack = Stack(tmp_path / "project", {})
    stack.program(PREAMBLE + BEARER)
    stack.configure(
        **{
            "azuread:tenantId": TENANT_ID,
            "entra-provisioning:clientId": CLIENT_ID,
            "azuread:environment": "usgovernment",
            "azuread:msiEndpoint": production.url,
            "azuread:oidcRequestUrl": production.url,
            "entra-provisioning:graphEndpoint": production.url,
            "entra-provisioning:authorityHost": production.url,
            "entra-provisioning:caFile": "/no/such/file",
        }
    )
    stack.configure_secret(token="t0ken")
    return stack


def run(stack: Stack, *command: str) -> subprocess.CompletedProcess[str]:
    """`entra-emulator run -- COMMAND` in the stack's folder, as a pipeline has it."""
    program = Path(sys.executable).with_name("entra-emulator")
    return subprocess.run(
        [program, "run", "--strict", "--", *command],
        cwd=stack.folder,
        # A pipeline's own identity, which is production's too.
        env={**stack.whole_environment(), "ARM_CLIENT_ID": CLIENT_ID, "ARM_CLIENT_SECRET": SECRET},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


UP = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--color=never")


@pytest.mark.parametrize(
    ("plain", "secret"),
    [
        ({}, {"entra-provisioning:clientSecret": SECRET}),
        ({"azuread:useOidc": "true"}, {"azuread:oidcRequestToken": SECRET}),
        ({"azuread:clientCertificatePath": "/no/such/file", "azuread:useMsi": "true"}, {}),
    ],
)
def test_run_sends_a_production_stack_only_to_the_emulator(
    stack: Stack, production: BlackHole, plain: dict[str, str], secret: dict[str, str]
) -> None:
    if plain:
        stack.configure(**plain)
    if secret:
        stack.configure_secret(**secret)
    ran = run(stack, *UP)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "/synchronization/acquireAccessToken: 204\n" in ran.stderr
    assert "Entra received 1 token request." in ran.stderr
    assert stack.authorizations()["directory"]["outputs"]["authorizedBy"] == DEFAULT_CLIENT_ID
    assert production.connections == 0
    assert SECRET not in ran.stdout + ran.stderr


def test_run_reports_an_up_without_changes(stack: Stack) -> None:
    assert run(stack, *UP).returncode == 0
    again = run(stack, *UP)
    assert "The command made no call to the emulator. Either it had nothing" in again.stderr
    assert again.returncode == 1
    assert "2 unchanged" in again.stdout


def test_different_endpoints_in_stack_and_environment_send_nothing(
    stack: Stack, production: BlackHole, emulator: Emulator
) -> None:
    names = ("GRAPH_ENDPOINT", "AUTHORITY_HOST", "CA_FILE")
    variables = [f"ENTRA_PROVISIONING_{name}" for name in names]
    stack.environment = {name: emulator.environment[name] for name in variables}
    stack.configure_secret(**{"entra-provisioning:clientSecret": SECRET})
    printed = stack.up(succeeds=False)
    settings = ("graphEndpoint", "authorityHost", "caFile")
    for setting, variable in zip(settings, variables, strict=True):
        assert (
            f"{setting}: entra-provisioning:{setting} in the stack configuration and the"
            f" environment variable {variable} differ."
        ) in printed
    assert "ENTRA_PROVISIONING_SETTINGS_FROM_ENVIRONMENT=true" in printed
    assert production.connections == 0
    assert emulator.journal.calls == []
