"""A stack that is configured for pulumi-azuread signs in, through the real CLI and engine."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_SERVICE_CONNECTION_ID,
    DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID,
    DEFAULT_TENANT_ID,
    Emulator,
)
from entra_emulator.workloads import Workload
from support.stack import BEARER, Stack

ProgramFor = Callable[[str], Stack]

CLIENT = {"azuread:tenantId": DEFAULT_TENANT_ID, "azuread:clientId": DEFAULT_CLIENT_ID}


def variables_of(emulator: Emulator, workload: Workload | None) -> dict[str, str]:
    """The environment of a workload without the client, which the stack configures."""
    given = emulator.environment_in(workload) if workload else emulator.environment
    ours = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
    return {name: value for name, value in given.items() if name not in ours}


@pytest.mark.parametrize(
    ("workload", "plain", "secret", "client_id"),
    [
        (None, CLIENT, {"azuread:clientSecret": DEFAULT_CLIENT_SECRET}, DEFAULT_CLIENT_ID),
        ("github-actions", {**CLIENT, "azuread:useOidc": "true"}, {}, DEFAULT_CLIENT_ID),
        (
            "azure-devops",
            {
                **CLIENT,
                "azuread:useOidc": "true",
                "azuread:adoPipelineServiceConnectionId": DEFAULT_SERVICE_CONNECTION_ID,
            },
            {},
            DEFAULT_CLIENT_ID,
        ),
        (
            "virtual-machine",
            {"azuread:useMsi": "true"},
            {},
            DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID,
        ),
    ],
)
def test_a_stack_configured_only_for_pulumi_azuread_authorizes(
    emulator: Emulator,
    program_for: ProgramFor,
    workload: Workload | None,
    plain: dict[str, str],
    secret: dict[str, str],
    client_id: str,
) -> None:
    stack = program_for(BEARER)
    stack.environment = variables_of(emulator, workload)
    stack.configure(**plain)
    stack.configure_secret(token="t0ken", **secret)
    stack.up("--debug")

    outputs = stack.authorizations()["directory"]["outputs"]
    assert outputs["authorizedBy"] == client_id
    (posted,) = emulator.journal.select("POST", "*/acquireAccessToken")
    assert (posted.status, posted.client_id) == (204, client_id)
    secrets = {DEFAULT_CLIENT_SECRET, emulator.federation.request_token}
    shown = "\n".join([*stack.printed, stack.written()])
    assert not [value for value in secrets if value in shown]
    assert not re.search(r"\beyJ[\w-]+\.eyJ", shown)


def test_a_gitlab_pipeline_needs_only_environment_variables(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    stack = program_for(BEARER)
    client = {"ARM_TENANT_ID": DEFAULT_TENANT_ID, "ARM_CLIENT_ID": DEFAULT_CLIENT_ID}
    stack.environment = {**variables_of(emulator, "gitlab"), **client, "ARM_USE_OIDC": "true"}
    stack.configure_secret(token="t0ken")
    stack.up()
    assert stack.authorizations()["directory"]["outputs"]["authorizedBy"] == DEFAULT_CLIENT_ID


def test_without_an_identity_the_preview_succeeds_and_up_lists_what_was_tried(
    emulator: Emulator, program_for: ProgramFor, tmp_path: Path
) -> None:
    stack = program_for(BEARER)
    for command in ("az", "azd"):
        # Whoever runs this test may well be signed in.
        (tmp_path / command).write_text("#!/bin/sh\necho 'Please run az login' >&2\nexit 1\n")
        (tmp_path / command).chmod(0o755)
    path = os.pathsep.join([str(tmp_path), stack.whole_environment()["PATH"]])
    stack.environment = {
        **variables_of(emulator, None),
        "PATH": path,
        "AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:9",
    }
    stack.configure_secret(token="t0ken")
    stack.preview()
    printed = stack.up(succeeds=False)
    for line in (
        "no identity gave a token. Configure one of these:",
        "client secret: clientSecret or clientSecretFilePath, tenantId and clientId are not set",
        "managed identity: useMsi is not true",
        "AzureCliCredential: Please run 'az login' to set up an account",
    ):
        assert line in printed
    assert emulator.journal.calls == []
    assert stack.authorizations() == {}


def test_a_caller_without_the_permission_sees_the_command_that_grants_it(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    client = emulator.tenant.client(DEFAULT_CLIENT_ID)
    assert client
    emulator.tenant.register_client(
        DEFAULT_CLIENT_ID, [DEFAULT_CLIENT_SECRET], roles=["Application.Read.All"]
    )
    stack = program_for(BEARER.replace("credentials=", "timeout=6, credentials="))
    stack.configure_secret(token="t0ken")
    printed = stack.up(succeeds=False)
    assert "has the application permissions Application.Read.All. It needs" in printed
    (command,) = re.findall(r"^ *(az rest --method POST .*)$", printed, re.MULTILINE)
    assert f"/v1.0/servicePrincipals/{client.object_id}/appRoleAssignments" in command
    assert not re.search(r"\beyJ[\w-]+\.eyJ", printed)
