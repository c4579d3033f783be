"""Explicit providers, stack configuration and what reaches a plugin of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from entra_emulator import (
    DEFAULT_APPLICATION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    DEFAULT_TENANT_ID,
    Emulator,
)
from support.native import NativeStack
from support.stack import BEARER
from support.tenant import authorizing, held, token_requests

CLIENT_ID = "11111111-2222-4333-8444-555555555555"


def settings(emulator: Emulator, secret: str = "pl4nted") -> dict[str, str]:
    """The settings of a client of the emulator's tenant, whose secret is `secret`."""
    emulator.tenant.register_client(CLIENT_ID, [secret], roles=["Synchronization.ReadWrite.All"])
    environment = emulator.environment
    return {
        "graphEndpoint": environment["ENTRA_PROVISIONING_GRAPH_ENDPOINT"],
        "authorityHost": environment["ENTRA_PROVISIONING_AUTHORITY_HOST"],
        "caFile": environment["ENTRA_PROVISIONING_CA_FILE"],
        "tenantId": environment["AZURE_TENANT_ID"],
        "clientId": CLIENT_ID,
        "clientSecret": secret,
    }


def test_explicit_providers_serve_two_tenants(emulator: Emulator, tmp_path: Path) -> None:
    stack = NativeStack(tmp_path / "project", {})
    with Emulator() as other:
        tenants = {"one": settings(emulator, "pl4nted-one"), "two": settings(other, "pl4nted-two")}

        def declare(token: str) -> None:
            stack.declare(
                f"""
for name, settings in {tenants}.items():
    ProvisioningAuthorization(
        f"directory-{{name}}",
        ResourceOptions(provider=pulumi.ProviderResource("entra-provisioning", name, settings)),
        service_principal_id="{DEFAULT_SERVICE_PRINCIPAL_ID}",
        credentials={{"SecretToken": "{token}"}},
    )
"""
            )

        declare("t0ken")
        stack.up()
        for tenant in (emulator, other):
            assert [call.status for call in authorizing(tenant)] == [204]
            assert len(token_requests(tenant)) == 1
        # No SDK has marked the providers' secrets.
        stack.preview("--diff")
        assert "pl4nted" not in stack.written() + "".join(stack.printed)

        declare("second")
        assert "2 updated" in stack.up()
        stack.destroy()
        assert held(emulator) == held(other) == {}


def test_a_setting_can_be_unknown_in_the_preview(emulator: Emulator, tmp_path: Path) -> None:
    own_settings_first = {"ENTRA_PROVISIONING_SETTINGS_FROM_ENVIRONMENT": ""}
    stack = NativeStack(tmp_path / "project", {**emulator.environment, **own_settings_first})
    stack.declare(
        f"""
first = ProvisioningAuthorization(
    "first",
    application_id="{DEFAULT_APPLICATION_ID}",
    credentials={{"SecretToken": "t0ken"}},
)
settings = {settings(emulator)}
settings["tenantId"] = first.cloud.apply(lambda _: "{DEFAULT_TENANT_ID}")
ProvisioningAuthorization(
    "second",
    ResourceOptions(provider=pulumi.ProviderResource("entra-provisioning", "other", settings)),
    service_principal_id="{DEFAULT_SERVICE_PRINCIPAL_ID}",
    credentials={{"SecretToken": "t0ken"}},
)
"""
    )
    assert "4 to create" in stack.preview()
    assert emulator.journal.calls == []
    stack.up()
    assert stack.authorizations()["second"]["outputs"]["authorizedBy"] == CLIENT_ID


def test_a_plugin_that_runs_already_serves_the_engine(emulator: Emulator, tmp_path: Path) -> None:
    stack = NativeStack(tmp_path / "project", {})
    plugin = subprocess.Popen(
        [Path(sys.executable).with_name(NativeStack.command)],
        env={**stack.whole_environment(), **emulator.environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert plugin.stdout
    port = plugin.stdout.readline().strip()
    stack.environment = {"PULUMI_DEBUG_PROVIDERS": f"entra-provisioning:{port}"}
    stack.declare(BEARER)
    stack.configure_secret(token="t0ken")
    stack.up()
    assert held(emulator)["SecretToken"] == "t0ken"
    assert plugin.wait(timeout=20) == 1, "ends with the engine"


def test_another_setting_updates_the_provider_and_no_resource(
    emulator: Emulator, tmp_path: Path
) -> None:
    stack = NativeStack(tmp_path / "project", {})

    def declare(values: dict[str, str]) -> None:
        stack.declare(
            f"""
provider = pulumi.ProviderResource("entra-provisioning", "tenant", {values})
ProvisioningAuthorization(
    "directory",
    ResourceOptions(provider=provider),
    service_principal_id="{DEFAULT_SERVICE_PRINCIPAL_ID}",
    credentials={{"SecretToken": "t0ken"}},
)
"""
        )

    declare(settings(emulator))
    stack.up()
    declare(settings(emulator, "another"))
    printed = stack.up("--diff")
    assert "1 updated" in printed
    assert "clientSecret" in printed
    assert len(authorizing(emulator)) == 1


def test_the_stack_configures_the_default_provider(emulator: Emulator, tmp_path: Path) -> None:
    stack = NativeStack(tmp_path / "project", {})
    values = settings(emulator)
    secret = values.pop("clientSecret")
    stack.configure(**{f"entra-provisioning:{name}": value for name, value in values.items()})
    stack.configure_secret(**{"entra-provisioning:clientSecret": secret})
    stack.declare(
        f"""
ProvisioningAuthorization(
    "directory",
    service_principal_id="{DEFAULT_SERVICE_PRINCIPAL_ID}",
    credentials={{"SecretToken": "t0ken"}},
)
"""
    )
    stack.up()
    assert [call.status for call in authorizing(emulator)] == [204]
    assert secret not in stack.written()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"environment": "mars"}, "environment: unknown cloud."),
        ({"tenantId": "no tenant"}, "tenantId: must be the tenant's GUID"),
    ],
)
def test_a_wrong_setting_is_reported_by_the_resource_that_needs_it(
    tmp_path: Path, values: dict[str, str], reason: str
) -> None:
    stack = NativeStack(tmp_path / "project", {})
    program = f"""
provider = pulumi.ProviderResource("entra-provisioning", "tenant", {values})
"""
    stack.declare(program)
    stack.preview()
    stack.declare(
        program
        + f"""
ProvisioningAuthorization(
    "directory",
    ResourceOptions(provider=provider),
    service_principal_id="{DEFAULT_SERVICE_PRINCIPAL_ID}",
    credentials={{"SecretToken": "t0ken"}},
)
"""
    )
    assert reason in stack.preview(succeeds=False)
