"""Entra's token endpoint and its metadata: the rules, without HTTP.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..assumptions import Assumptions
from ..state.model import Client
from ..tenant.tenant import Tenant
from . import errors
from .access_tokens import AccessTokens
from .client_authentication import ClientAuthentication
from .federation import Federation

GRAPH_RESOURCES = (
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
)
"""Graph in the national clouds: https://learn.microsoft.com/graph/deployments"""

AZURE_CLI_CLIENT_ID = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The application with which the Azure CLI signs users in."""

DEFAULT_USER_ID = "00000000-0000-4000-8000-00000000e25e"
"""The object id of the user whom `Authority.issue_for_user` signs in."""

# The MSAL of Go and that of Java add these to every request.
_OPENID_SCOPES = frozenset({"openid", "profile", "offline_access"})


class Authority:
    """The token endpoint of one tenant, at `url` (without a trailing slash).

    It also answers under the URLs in `aliases` and the host names in `hosts`; its metadata then
    shows the URL of the request, which `url_for` returns. `federation` has the issuers whose
    assertions clients can trust.
    """

    def __init__(
        self,
        tenant: Tenant,
        url: str,
        *,
        federation: Federation,
        aliases: tuple[str, ...] = (),
        hosts: tuple[str, ...] = (),
        assumptions: Assumptions | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._tenant = tenant
        self._lifetime = (assumptions or Assumptions()).token_lifetime
        self.url = url
        self.resources = frozenset((url, *aliases, *GRAPH_RESOURCES))
        self._urls = frozenset((url, *aliases, *(f"https://{host}" for host in hosts)))
        self._authentication = ClientAuthentication(federation, now)
        self.access_tokens = AccessTokens(now)

    # Metadata

    def url_for(self, host: str | None) -> str:
        """The URL of the authority under this Host header."""
        url = f"https://{host}"
        return url if url in self._urls else self.url

    def instance(self, authorization_endpoint: str) -> dict[str, Any]:
        """Whether the URL belongs to Entra; MSAL asks before it trusts one.

        https://learn.microsoft.com/entra/msal/dotnet/acquiring-tokens/instance-discovery
        """
        url = next((u for u in self._urls if authorization_endpoint.startswith(f"{u}/")), None)
        if url is None:
            raise errors.unknown_instance()
        host = url.removeprefix("https://")
        return {
            "tenant_discovery_endpoint": (
                f"{url}/{self._tenant.tenant_id}/v2.0/.well-known/openid-configuration"
            ),
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }

    def openid_configuration(self, tenant_id: str, url: str) -> dict[str, Any]:
        """The metadata document at `url`, as far as clients without a user need it."""
        if not self._is_this_tenant(tenant_id):
            raise errors.unknown_tenant(tenant_id, "invalid_tenant")
        base = f"{url}/{self._tenant.tenant_id}"
        return {
            "issuer": self._issuer(url),
            "token_endpoint": self._token_endpoint(url),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "request_uri_parameter_supported": False,
        }

    def keys(self, tenant_id: str) -> dict[str, Any]:
        """The public key of the tokens, as a JSON Web Key Set."""
        if not self._is_this_tenant(tenant_id):
            raise errors.unknown_tenant(tenant_id, "invalid_tenant")
        return self.access_tokens.keys()

    # The token endpoint

    def token(self, tenant_id: str, form: Mapping[str, str] | None, url: str) -> dict[str, Any]:
        """Answers a token request at `url`; `form` is None if the body is not a form."""
        if not self._is_this_tenant(tenant_id):
            raise errors.unknown_tenant(tenant_id, "invalid_request")
        if form is None:
            raise errors.malformed_request()
        grant = _required(form, "grant_type")
        if grant != "client_credentials":
            raise errors.unsupported_grant(grant)
        client_id = _required(form, "client_id")
        client = self._tenant.client(client_id)
        if client is None:
            raise errors.unknown_client(client_id, self._tenant.tenant_id)
        resource = self.resource(_required(form, "scope"))
        audiences = (self._token_endpoint(url), self._issuer(url))
        self._authentication.check(client, form, audiences)
        return {
            "token_type": "Bearer",
            "expires_in": self._lifetime,
            "ext_expires_in": self._lifetime,
            "access_token": self.issue(client, resource, lifetime=self._lifetime, url=url),
        }

    def issue(
        self,
        client: Client,
        audience: str,
        *,
        lifetime: int,
        url: str | None = None,
        resource_id: str | None = None,
    ) -> str:
        """An access token, valid for `lifetime` seconds; expired if that is negative.

        `url` is the authority that issues it, by default this one. `resource_id` is the Azure
        resource of a managed identity.
        """
        claims = {
            "iss": self._issuer(url or self.url),
            "appid": client.client_id,
            "azp": client.client_id,
            "idtyp": "app",
            "oid": client.object_id,
            "sub": client.object_id,
            "tid": self._tenant.tenant_id,
            "roles": list(client.roles),
        }
        if resource_id is not None:
            claims["xms_mirid"] = resource_id
        return self.access_tokens.issue(claims, audience, lifetime)

    def issue_for_user(
        self,
        scopes: Iterable[str],
        directory_roles: Iterable[str] = (),
        *,
        audience: str | None = None,
        tenant_id: str | None = None,
        lifetime: int = 3599,
    ) -> str:
        """An access token of the Azure CLI for a user who is signed in there.

        `scopes` are delegated permissions such as Synchronization.ReadWrite.All; `directory_roles`
        are ids of role templates, such as those of `DirectoryRole`. By default, `audience` is this
        Graph and `tenant_id` this tenant. With `PERSONAL_TENANT_ID` the account is personal, which
        Graph refuses. The token has expired if `lifetime` is negative.

        https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
        """
        home = tenant_id or self._tenant.tenant_id
        claims = {
            "iss": f"{self.url}/{home}/v2.0",
            "appid": AZURE_CLI_CLIENT_ID,
            "azp": AZURE_CLI_CLIENT_ID,
            "idtyp": "user",
            "name": "Contoso Administrator",
            "oid": DEFAULT_USER_ID,
            "sub": DEFAULT_USER_ID,
            "tid": home,
            "upn": "administrator@contoso.example",
            "scp": " ".join(scopes),
            "wids": list(directory_roles),
        }
        return self.access_tokens.issue(claims, audience or self.url, lifetime)

    def resource(self, scope: str) -> str:
        """The resource of a scope `<resource>/.default`. TokenError if it is not Graph."""
        scopes = [name for name in scope.split() if name not in _OPENID_SCOPES]
        resource, suffix, rest = " ".join(scopes).partition("/.default")
        if not suffix or rest:
            raise errors.invalid_scope()
        # Real clients send both https://graph.microsoft.com/.default and …com//.default.
        if resource.rstrip("/") not in self.resources:
            raise errors.unknown_resource(self._tenant.tenant_id)
        return resource.rstrip("/")

    def _issuer(self, url: str) -> str:
        return f"{url}/{self._tenant.tenant_id}/v2.0"

    def _token_endpoint(self, url: str) -> str:
        return f"{url}/{self._tenant.tenant_id}/oauth2/v2.0/token"

    def _is_this_tenant(self, tenant_id: str) -> bool:
        return tenant_id.lower() == self._tenant.tenant_id


def _required(form: Mapping[str, str], name: str) -> str:
    if not form.get(name):
        raise errors.missing_parameter(name)
    return form[name]
