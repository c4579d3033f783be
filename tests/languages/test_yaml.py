"""A YAML program, which needs no SDK: its host reads the schema that the plugin serves."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator, Fault
from support.native import PROJECT, TYPE, NativeStack
from support.readme import block, page
from support.stack import begun, cli_environment
from support.tenant import authorizing, held

TARGET = f"servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}"

PROGRAM = f"""
config:
  token: {{type: string, secret: true}}
resources:
  directory:
    type: {TYPE}
    properties:
      servicePrincipalId: {DEFAULT_SERVICE_PRINCIPAL_ID}
      credentials:
        BaseAddress: https://scim.example/v2
        SecretToken: ${{token}}
"""

pytestmark = [
    pytest.mark.languages,
    pytest.mark.skipif(
        not shutil.which("pulumi-language-yaml", path=cli_environment(Path.home())["PATH"]),
        reason="yaml: `make languages` builds its host with Go, or install Pulumi's release",
    ),
]


class YamlStack(NativeStack):
    """A stack whose program is in its Pulumi.yaml."""

    def declare(self, source: str) -> None:
        """Make `source` the program."""
        project = PROJECT.replace("runtime: python", "runtime: yaml")
        (self.folder / "Pulumi.yaml").write_text(project + source)


@pytest.fixture
def stack(emulator: Emulator, tmp_path: Path) -> YamlStack:
    made = YamlStack(tmp_path / "project", emulator.environment)
    made.declare(PROGRAM)
    made.configure_secret(token="t0ken")
    return made


def test_a_yaml_program_authorizes_renews_and_takes_back(
    emulator: Emulator, stack: YamlStack
) -> None:
    stack.up()
    assert held(emulator)["SecretToken"] == "t0ken"
    assert "2 unchanged" in stack.up()
    stack.configure_secret(token="second")
    assert "1 updated" in stack.up()
    stack.destroy()
    assert held(emulator) == {}


def test_the_program_of_the_page_authorizes(emulator: Emulator, stack: YamlStack) -> None:
    program = block("yaml", "runtime: yaml", page("plugin"))
    assert "path: .venv/bin\n" in program
    principal = "11111111-2222-3333-4444-555555555555"
    program = program.replace(principal, DEFAULT_SERVICE_PRINCIPAL_ID).replace(
        "directory", "tested", 1
    )
    (stack.folder / "Pulumi.yaml").write_text(program)
    (stack.folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    stack.configure_secret(scimToken="t0ken")
    stack.up()
    assert held(emulator)["SecretToken"] == "t0ken"
    assert "2 unchanged" in stack.up()


def test_a_reference_is_a_mapping(emulator: Emulator, stack: YamlStack) -> None:
    stack.environment = {**stack.environment, "TOKEN": "t0ken"}
    stack.declare(PROGRAM.replace("${token}", "{fromEnvironment: TOKEN}"))
    stack.up()
    assert held(emulator)["SecretToken"] == "t0ken"


def test_the_host_reports_what_the_schema_has_not(emulator: Emulator, stack: YamlStack) -> None:
    stack.declare(PROGRAM.replace("servicePrincipalId:", "servicePrincipal:"))
    printed = stack.preview(succeeds=False)
    assert "Property servicePrincipal does not exist" in printed
    assert "servicePrincipalId" in printed


def test_a_run_ends_within_a_second_of_ctrl_c(emulator: Emulator, stack: YamlStack) -> None:
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "120"})
    )
    running = begun(stack, emulator)
    interrupted = time.monotonic()
    os.kill(running.pid, signal.SIGINT)
    printed, _ = running.communicate(timeout=60)
    assert time.monotonic() - interrupted < 1
    assert "canceled, and not sent again after 429" in printed
    time.sleep(1)
    assert [call.status for call in authorizing(emulator)] == [429]
    assert stack.deployment().get("pending_operations") in (None, [])


def test_an_import_suggests_a_program_without_a_secret(
    emulator: Emulator, stack: YamlStack
) -> None:
    stack.declare("")
    emulator.tenant.put_secrets(
        "servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, {"SecretToken": "pl4nted"}
    )
    printed = stack.pulumi("import", TYPE, "directory", TARGET, "--yes", "--protect=false")
    assert f"servicePrincipalId: {DEFAULT_SERVICE_PRINCIPAL_ID}" in printed
    assert "pl4nted" not in printed + stack.written()
    warnings = set(re.findall(r"warning: (.*?)(?: at |$)", printed, re.MULTILINE))
    # The engine says so of a host that is built here, and of nothing else.
    assert warnings <= {"using pulumi-language-yaml from $PATH"}
    assert "bug" not in printed
    emulator.journal.clear()
    stack.declare(PROGRAM)
    assert "2 unchanged" in stack.up()
    assert emulator.journal.calls == []


def test_a_function_returns_to_a_program(emulator: Emulator, stack: YamlStack) -> None:
    stack.declare(
        f"""
variables:
  status:
    fn::invoke:
      function: entra-provisioning:index:getAuthorizationStatus
      arguments:
        servicePrincipalId: {DEFAULT_SERVICE_PRINCIPAL_ID}
outputs:
  status: ${{status.status}}
"""
    )
    stack.up()
    assert json.loads(stack.pulumi("stack", "output", "status", "--json")) == "CredentialsMissing"
    assert authorizing(emulator) == []
