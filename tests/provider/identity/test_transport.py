"""How sign-in requests are sent: no netrc file, and no proxy for a managed identity."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from entra_emulator import DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID, Emulator
from pulumi_entra_provisioning.errors import SignInError
from pulumi_entra_provisioning.remedies import SIGN_IN_REMEDIES
from support.connect_proxy import ConnectProxy
from support.hostile_server import StartHostile, Trick, managed_identity
from support.settings import found
from support.sign_in import MSI, Machine, claims
from support.steps import creates, failure, posts, run


@pytest.mark.usefixtures("plain_environment")
def test_a_netrc_file_does_not_replace_the_token_of_a_pipeline(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    variables = {**emulator.environment_in("github-actions"), "ARM_USE_OIDC": "true"}
    variables |= {name: emulator.environment[name] for name in ("AZURE_CLIENT_ID",)}
    run(emulator, creates(), variables)
    assert posts(emulator) == [204]


@pytest.mark.usefixtures("plain_environment")
@pytest.mark.slow
def test_a_failing_managed_identity_endpoint_is_reported(
    hostile: StartHostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "")
    server = hostile({"/metadata/identity/oauth2/token": Trick(500)}, name="")
    error = failure(managed_identity(server), creates(timeout=5))
    assert isinstance(error, SignInError)
    assert str(error).startswith("getting a token of the managed identity: 500: ")
    assert str(error).endswith(f". {SIGN_IN_REMEDIES['5xx']}")


def test_a_managed_identity_request_bypasses_the_proxy(
    emulator: Emulator, machine: Machine
) -> None:
    with ConnectProxy(emulator.url) as proxy:
        for stack in (MSI, {}):
            machine(
                {
                    **emulator.environment_in("virtual-machine"),
                    "HTTPS_PROXY": proxy.url,
                    "NO_PROXY": "",
                    "no_proxy": "",
                }
            )
            assert claims(found(stack, os.environ))["appid"] == DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID
        assert proxy.asked == []
