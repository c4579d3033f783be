"""The claims of an access token that Microsoft Graph looks at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AccessTokenClaims:
    """Whom a valid access token was issued to, for what, and with which permissions.

    `object_id` is the `oid` claim: the service principal's, or the user's if a user is signed in.
    `roles` are application permissions. With a user there are delegated permissions (`scopes`) and
    the user's directory roles, by the ids of their templates. `expires` is in seconds since 1970.

    https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
    """

    client_id: str
    object_id: str
    tenant_id: str
    audience: str
    expires: float
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    directory_roles: tuple[str, ...] = ()
