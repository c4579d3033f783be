"""The managed identities of an Azure resource and their tokens: the rules, without HTTP.

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..assumptions import Assumptions
from ..state.model import Client
from ..tenant.default_tenant import (
    DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID,
    DEFAULT_USER_ASSIGNED_CLIENT_ID,
)
from ..tenant.tenant import Tenant
from .authority import Authority

IMDS_PATH = "/metadata/identity/oauth2/token"
APP_SERVICE_PATH = "/msi/token"

_GROUP = "/subscriptions/00000000-0000-4000-8000-0000000005b5/resourcegroups/contoso/providers"
_RESOURCE_IDS = {
    DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID: f"{_GROUP}/Microsoft.Compute/virtualMachines/provisioning",
    DEFAULT_USER_ASSIGNED_CLIENT_ID: (
        f"{_GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/provisioning"
    ),
}
"""The resource that the identity belongs to, or that it is, by client id."""

# Parameters that select a user-assigned identity. IMDS has msi_res_id, App Service mi_res_id.
_SELECTORS = ("client_id", "object_id", "msi_res_id", "mi_res_id", "principal_id")


class ManagedIdentityToken(NamedTuple):
    """A token of a managed identity."""

    client: Client
    resource: str
    value: str
    begins: int
    lifetime: int


class ManagedIdentities:
    """The system-assigned and the user-assigned identity of the resource that a program runs on.

    `header` is the value of IDENTITY_HEADER, which a program sends to App Service.
    """

    def __init__(
        self,
        tenant: Tenant,
        authority: Authority,
        assumptions: Assumptions,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._tenant = tenant
        self._authority = authority
        self._lifetime = assumptions.token_lifetime
        self._now = now
        self.header = secrets.token_hex(16).upper()

    def identity(self, query: Mapping[str, str]) -> Client | None:
        """The identity that a request selects, by default the system-assigned one."""
        selected = [query[name].lower() for name in _SELECTORS if query.get(name)]
        if not selected:
            return self._tenant.client(DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID)
        client = self._tenant.client(DEFAULT_USER_ASSIGNED_CLIENT_ID)
        if client is None:
            return None
        known = {client.client_id, client.object_id, _RESOURCE_IDS[client.client_id].lower()}
        return client if known.issuperset(selected) else None

    def token(self, client: Client, resource: str) -> ManagedIdentityToken:
        """A token for a resource. TokenError if it is not Graph."""
        audience = self._authority.resource(f"{resource}/.default")
        value = self._authority.issue(
            client,
            audience,
            lifetime=self._lifetime,
            resource_id=_RESOURCE_IDS[client.client_id],
        )
        return ManagedIdentityToken(client, resource, value, int(self._now()), self._lifetime)


def imds_answer(token: ManagedIdentityToken) -> dict[str, Any]:
    """The answer of the instance metadata service.

    https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
    """
    return {
        **app_service_answer(token),
        "expires_in": str(token.lifetime),
        "ext_expires_in": str(token.lifetime),
        "not_before": str(token.begins),
    }


def app_service_answer(token: ManagedIdentityToken) -> dict[str, Any]:
    """The answer of App Service.

    https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
    """
    return {
        "access_token": token.value,
        "client_id": token.client.client_id,
        "expires_on": str(token.begins + token.lifetime),
        "resource": token.resource,
        "token_type": "Bearer",
    }
