"""Who calls Graph, and whether the caller's token allows an operation.

https://learn.microsoft.com/graph/permissions-reference
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..assumptions import Assumptions
from ..entra.authority import Authority
from ..entra.claims import AccessTokenClaims
from ..state.model import Kind
from ..tenant.tenant import Tenant
from .errors import GraphError, default_error
from .permissions import PERSONAL_TENANT_ID, Permission


class Access:
    """Authenticates and authorizes the callers of Graph. Every refusal is a `GraphError`."""

    def __init__(
        self,
        tenant: Tenant,
        authority: Authority,
        assumptions: Assumptions | None = None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._tenant = tenant
        self._authority = authority
        self._assumptions = assumptions or Assumptions()
        self._now = now

    def authenticate(self, authorization: str | None) -> AccessTokenClaims:
        """The claims of the access token in an Authorization header.

        Graph answers 401 InvalidAuthenticationToken, or 400 to a personal account.
        """
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise self._unauthorized("Access token is empty.")
        if "." not in token:
            raise self._unauthorized("IDX14100: JWT is not well formed, there are no dots (.).")
        claims = self._authority.access_tokens.verify(token)
        if claims is None:
            raise self._unauthorized("Access token validation failure.")
        if claims.expires <= self._now():
            raise self._unauthorized("Access token has expired or is not yet valid.")
        if claims.audience not in self._authority.resources:
            raise self._unauthorized("Access token validation failure. Invalid audience.")
        if claims.tenant_id == PERSONAL_TENANT_ID:
            message = "This API is not supported for MSA accounts."
            raise GraphError(400, "BadRequest", message)
        if claims.tenant_id != self._tenant.tenant_id:
            raise self._unauthorized("Access token validation failure.")
        return claims

    def require(self, permission: Permission, caller: AccessTokenClaims) -> None:
        """GraphError if the caller does not have the permission."""
        if not permission.is_granted(caller):
            raise self._forbidden(permission)

    def require_ownership(
        self,
        permission: Permission,
        caller: AccessTokenClaims,
        kind: Kind,
        id: str,
        *,
        deleted: bool = False,
    ) -> None:
        """GraphError if the caller's role is limited to its own objects, and this is not one.

        To own the application of a service principal is not enough.
        """
        if not permission.is_limited_to_owners(caller):
            return
        if permission is Permission.DIRECTORY_READ and self._assumptions.owned_by_reads_all:
            return
        # An object that does not exist has no owner; the tenant's error says more.
        owners = self._tenant.deleted_owner_ids(id) if deleted else self._tenant.owner_ids(kind, id)
        if caller.object_id not in owners:
            raise self._forbidden(permission)

    def _forbidden(self, permission: Permission) -> GraphError:
        if permission.is_synchronization:
            return GraphError(*self._assumptions.missing_synchronization_permission)
        return default_error(403)

    def _unauthorized(self, message: str) -> GraphError:
        challenge = (
            f'Bearer realm="", authorization_uri="{self._authority.url}/common/oauth2/authorize",'
            ' client_id="00000003-0000-0000-c000-000000000000"'
        )
        return GraphError(
            401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": challenge}
        )
