"""Gets tokens for identities, and makes command lines that are signed in."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jwt
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_SERVICE_CONNECTION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    DEFAULT_TENANT_ID,
    DEFAULT_USER_ASSIGNED_CLIENT_ID,
    Emulator,
)
from pulumi_entra_provisioning.identity.settings import Settings
from pulumi_entra_provisioning.identity.tokens import SharedTokenCredential
from pulumi_entra_provisioning.lifecycle.inputs import Inputs
from pulumi_entra_provisioning.lifecycle.operations import Lifecycle

Machine = Callable[[Mapping[str, str]], None]

TENANT = {"ARM_TENANT_ID": DEFAULT_TENANT_ID}
OIDC = {"azuread:useOidc": "true"}
CONNECTION = {**OIDC, "azuread:adoPipelineServiceConnectionId": DEFAULT_SERVICE_CONNECTION_ID}
MSI = {"azuread:useMsi": "true"}
USER_ASSIGNED = {**MSI, "azuread:clientId": DEFAULT_USER_ASSIGNED_CLIENT_ID}


def token(chosen: Settings) -> str:
    """The token that the identity gets."""
    return asyncio.run(SharedTokenCredential(chosen).get_token(chosen.scope)).token


def claims(chosen: Settings) -> dict[str, Any]:
    """The claims of the token that the identity gets."""
    read: dict[str, Any] = jwt.decode(token(chosen), options={"verify_signature": False})
    return read


def without_identity(emulator: Emulator) -> dict[str, str]:
    """The emulator's endpoints without an identity."""
    return {
        name: value for name, value in emulator.environment.items() if not name.startswith("AZURE")
    }


def authorized_by(chosen: Settings) -> str | None:
    """The `authorizedBy` of a create, from the token to the call of Graph."""
    inputs = {
        "service_principal_id": DEFAULT_SERVICE_PRINCIPAL_ID,
        "credentials": {"SecretToken": "pl4nted"},
        "timeout": 10,
    }

    async def create() -> str | None:
        return (await Lifecycle(chosen, print, print).create(Inputs.of(inputs))).authorized_by

    return asyncio.run(create())


def command(folder: Path, name: str, answer: str) -> Path:
    """Write a command that stands in for `az` or `azd`. Return the file where it logs its calls."""
    calls = folder / f"{name}.calls"
    (folder / name).write_text(
        f"#!{sys.executable}\nimport sys\n"
        f"open({str(calls)!r}, 'a').write(' '.join(sys.argv[1:]) + chr(10))\n"
        f"{answer}\n"
    )
    (folder / name).chmod(0o755)
    return calls


def signed_in(folder: Path, name: str, access_token: str) -> Path:
    """Write an `az` or `azd` that prints a token. Return the file where it logs its calls."""
    said = json.dumps(
        {"accessToken": access_token, "expires_on": 4102444800}
        if name == "az"
        else {"token": access_token, "expiresOn": "2099-12-31T00:00:00Z"}
    )
    return command(folder, name, f"print({said!r})")


def issued(emulator: Emulator) -> str:
    """A token of the default client."""
    client = emulator.tenant.client(DEFAULT_CLIENT_ID)
    assert client
    return emulator.authority.issue(client, emulator.url, lifetime=3600)
