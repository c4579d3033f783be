"""From a path of Graph to an operation: who calls, whether they may, and about which object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from ..entra.claims import AccessTokenClaims
from ..http.exchange import Exchange
from ..http.routing import Endpoint, route
from ..state.model import KINDS, Kind
from ..tenant.tenant import Tenant
from .access import Access
from .permissions import Permission


@dataclass(frozen=True)
class GraphRequest:
    """A request whose caller has the permission. `id` is "" if it is not about an object."""

    exchange: Exchange
    caller: AccessTokenClaims
    path_parameters: Mapping[str, str]
    kind: Kind = "applications"
    id: str = ""


Operation = Callable[[GraphRequest], Response]


class GraphRouting:
    """Makes the routes of operations."""

    def __init__(self, tenant: Tenant, access: Access) -> None:
        self._tenant = tenant
        self._access = access

    def path(
        self,
        method: str,
        path: str,
        permission: Permission | None,
        operation: Operation,
        kind: Kind = "applications",
    ) -> Route:
        """One path. Without a permission, any valid token is enough."""
        return route(method, path, self._endpoint(permission, operation, kind))

    def of_object(
        self,
        method: str,
        path: str,
        permission: Permission,
        operation: Operation,
        *,
        version: str = "v1.0",
    ) -> list[Route]:
        """A path below an object of either kind, by its id or by its appId."""
        return [
            self.path(method, f"/{version}/{kind}{key}{path}", permission, operation, kind)
            for kind in KINDS
            for key in ("/{id}", "(appId='{app_id}')")
        ]

    def action(self, path: str, permission: Permission, operation: Operation) -> list[Route]:
        """An action of an object, by its name and by its qualified name."""
        parent, _, name = path.rpartition("/")
        return [
            *self.of_object("POST", path, permission, operation),
            *self.of_object("POST", f"{parent}/microsoft.graph.{name}", permission, operation),
        ]

    def _endpoint(
        self, permission: Permission | None, operation: Operation, kind: Kind
    ) -> Endpoint:
        def endpoint(exchange: Exchange, parameters: Mapping[str, str]) -> Response:
            caller = self._access.authenticate(exchange.headers.get("authorization"))
            if permission is not None:
                self._access.require(permission, caller)
            id = parameters.get("id", "")
            if "app_id" in parameters:
                id = self._tenant.object_id(kind, parameters["app_id"])
            if id and permission is not None:
                self._access.require_ownership(permission, caller, kind, id)
            return operation(GraphRequest(exchange, caller, parameters, kind, id))

        return endpoint
