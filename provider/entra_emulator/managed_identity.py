"""The managed identities of an Azure resource, and who may have their tokens: without HTTP.

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .assumptions import Assumptions
from .default_tenant import (
    DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID,
    DEFAULT_USER_ASSIGNED_CLIENT_ID,
)
from .state import Client

if TYPE_CHECKING:
    from .authority import Authority
    from .tenant import Tenant

IMDS_PATH = "/metadata/identity/oauth2/token"
APP_SERVICE_PATH = "/msi/token"

_GROUP = "/subscriptions/00000000-0000-4000-8000-0000000005b5/resourcegroups/contoso/providers"
_RESOURCE_IDS = {
    DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID: f"{_GROUP}/Microsoft.Compute/virtualMachines/provisioning",
    DEFAULT_USER_ASSIGNED_CLIENT_ID: (
        f"{_GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/provisioning"
    ),
}
"""By client id, the resource that the identity belongs to, or that it is."""

# By which a user-assigned identity is asked for: IMDS knows msi_res_id, App Service mi_res_id.
_NAMES = ("client_id", "object_id", "msi_res_id", "mi_res_id", "principal_id")


class Token(NamedTuple):
    """A token of a managed identity."""

    client: Client
    resource: str
    value: str
    begins: int
    lifetime: int


class ManagedIdentities:
    """The two identities of the resource that a program runs on.

    `header` is what a program shows to App Service: IDENTITY_HEADER.
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
        """The identity that a request names; the system-assigned one if it names none."""
        asked = [query[name].lower() for name in _NAMES if query.get(name)]
        if not asked:
            return self._tenant.client(DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID)
        client = self._tenant.client(DEFAULT_USER_ASSIGNED_CLIENT_ID)
        if client is None:
            return None
        known = {client.client_id, client.object_id, _RESOURCE_IDS[client.client_id].lower()}
        return client if known.issuperset(asked) else None

    def token(self, client: Client, resource: str) -> Token:
        """A token for a resource; refuses one that there is not, as Entra does."""
        audience = self._authority.resource(f"{resource}/.default")
        value = self._authority.issue(
            client,
            audience,
            lifetime=self._lifetime,
            resource_id=_RESOURCE_IDS[client.client_id],
        )
        return Token(client, resource, value, int(self._now()), self._lifetime)


def imds_answer(token: Token) -> dict[str, Any]:
    """The token in the words of the instance metadata service.

    https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
    """
    return {
        **app_service_answer(token),
        "expires_in": str(token.lifetime),
        "ext_expires_in": str(token.lifetime),
        "not_before": str(token.begins),
    }


def app_service_answer(token: Token) -> dict[str, Any]:
    """The token in the words of App Service.

    https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
    """
    return {
        "access_token": token.value,
        "client_id": token.client.client_id,
        "expires_on": str(token.begins + token.lifetime),
        "resource": token.resource,
        "token_type": "Bearer",
    }
