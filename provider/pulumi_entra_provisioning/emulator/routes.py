"""The paths of Graph and of the token endpoint: from HTTP to `Tenant` and `Authority`, and back.

No rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from .authority import Authority
from .bodies import read_pairs, read_text
from .exchange import GRAPH_JSON, Exchange
from .graph_errors import GraphError, not_implemented
from .state import KINDS, Kind
from .tenant import Permission, Tenant, is_guid

Operation = Callable[[Kind, Request], Response]

_SINGULAR: dict[Kind, str] = {
    "applications": "microsoft.graph.application",
    "servicePrincipals": "microsoft.graph.servicePrincipal",
}
_FILTER = re.compile(r"(appId|displayName|id) eq '([^']*)'")
_OBJECT = "/{id}"
_SYNCHRONIZATION = "/{id}/synchronization"


class Routes:
    """The ASGI application of every path that the emulator knows.

    Refusals leave it as exceptions.
    """

    def __init__(self, tenant: Tenant, authority: Authority) -> None:
        self._tenant = tenant
        self._authority = authority
        self._router = Router(
            [*self._synchronization(), *self._directory(), *self._token_endpoint()],
            redirect_slashes=False,
            default=_unknown,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or raises its refusal."""
        try:
            # Starlette raises for a wrong method only where an application is named, and answers in
            # plain text otherwise.
            await self._router({**scope, "app": self}, receive, send)
        except HTTPException as error:
            raise GraphError(
                error.status_code,
                "Request_BadRequest",
                "Specified HTTP method is not allowed for the request target.",
                {"x-ms-resource-unit": "1", **(error.headers or {})},
            ) from None

    def _synchronization(self) -> list[Route]:
        read, write = Permission.SYNCHRONIZATION_READ, Permission.SYNCHRONIZATION_WRITE
        path = _SYNCHRONIZATION
        return [
            *self._graph("POST", f"{path}/acquireAccessToken", write, self._acquire_access_token),
            *self._graph(
                "POST",
                f"{path}/microsoft.graph.acquireAccessToken",
                write,
                self._acquire_access_token,
            ),
            *self._graph("GET", f"{path}/secrets", read, self._get_secrets),
            *self._graph("PUT", f"{path}/secrets", write, self._put_secrets),
            *self._graph("GET", f"{path}/jobs", read, self._list_jobs),
            *self._graph("GET", f"{path}/jobs/{{job_id}}", read, self._get_job),
        ]

    def _directory(self) -> list[Route]:
        read, write = Permission.DIRECTORY_READ, Permission.DIRECTORY_WRITE
        return [
            *self._graph("GET", "", read, self._list_objects),
            *self._graph("POST", "", write, self._create_object),
            *self._graph("GET", _OBJECT, read, self._get_object),
            *self._graph("DELETE", _OBJECT, write, self._delete_object),
        ]

    def _token_endpoint(self) -> list[Route]:
        return [
            Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
            Route(
                "/{tenant}/v2.0/.well-known/openid-configuration",
                self._openid_configuration,
                methods=["GET"],
            ),
            Route("/{tenant}/discovery/v2.0/keys", self._keys, methods=["GET"]),
        ]

    def _graph(
        self, method: str, path: str, permission: Permission, operation: Operation
    ) -> list[Route]:
        """One route for each kind of object: who calls, whether they may, then the operation."""

        def endpoint_of(kind: Kind) -> Callable[[Request], Any]:
            async def endpoint(request: Request) -> Response:
                caller = self._authority.caller(request.headers.get("authorization"))
                _exchange(request).client_id = caller.client_id
                self._tenant.require(permission, caller.roles)
                return operation(kind, request)

            return endpoint

        return [Route(f"/v1.0/{kind}{path}", endpoint_of(kind), methods=[method]) for kind in KINDS]

    # Synchronization

    def _acquire_access_token(self, kind: Kind, request: Request) -> Response:
        pairs = read_pairs(_exchange(request).document(), "credentials")
        self._tenant.acquire_access_token(kind, _id(request), pairs)
        return Response(status_code=204)

    def _get_secrets(self, kind: Kind, request: Request) -> Response:
        secrets = self._tenant.masked_secrets(kind, _id(request))
        pairs = [{"key": key, "value": value} for key, value in secrets.items()]
        return self._collection(f"{kind}('{_id(request)}')/synchronization/secrets", pairs)

    def _put_secrets(self, kind: Kind, request: Request) -> Response:
        pairs = read_pairs(_exchange(request).document(), "value")
        self._tenant.put_secrets(kind, _id(request), pairs)
        return Response(status_code=204)

    def _list_jobs(self, kind: Kind, request: Request) -> Response:
        jobs = self._tenant.jobs(kind, _id(request))
        return self._collection(f"{kind}('{_id(request)}')/synchronization/jobs", jobs)

    def _get_job(self, kind: Kind, request: Request) -> Response:
        job = self._tenant.job(kind, _id(request), request.path_params["job_id"])
        return self._entity(f"{kind}('{_id(request)}')/synchronization/jobs", job)

    # Directory

    def _list_objects(self, kind: Kind, request: Request) -> Response:
        query = _query(request, {"$filter", "$select"})
        objects = self._tenant.objects(kind, _where(query.get("$filter")))
        return self._collection(kind, [_selected(item, query) for item in objects])

    def _create_object(self, kind: Kind, request: Request) -> Response:
        document = _exchange(request).document()
        if kind == "applications":
            name = read_text(document, "displayName", _SINGULAR[kind])
            created = self._tenant.create_application(name)
        else:
            app_id = read_text(document, "appId", _SINGULAR[kind])
            created = self._tenant.create_service_principal(app_id)
        return self._entity(kind, created, 201)

    def _get_object(self, kind: Kind, request: Request) -> Response:
        query = _query(request, {"$select"})
        return self._entity(kind, _selected(self._tenant.get(kind, _id(request)), query))

    def _delete_object(self, kind: Kind, request: Request) -> Response:
        self._tenant.delete(kind, _id(request))
        return Response(status_code=204)

    def _collection(self, context: str, items: list[dict[str, Any]]) -> Response:
        return _json(
            {"@odata.context": f"{self._authority.url}/v1.0/$metadata#{context}", "value": items},
            media_type=GRAPH_JSON,
        )

    def _entity(self, context: str, item: dict[str, Any], status: int = 200) -> Response:
        annotated = {
            "@odata.context": f"{self._authority.url}/v1.0/$metadata#{context}/$entity",
            **item,
        }
        return _json(annotated, status, GRAPH_JSON)

    # Token endpoint

    async def _token(self, request: Request) -> Response:
        exchange = _exchange(request)
        named = (exchange.form or {}).get("client_id", "")
        exchange.client_id = named if is_guid(named) else None
        return _json(self._authority.token(request.path_params["tenant"], exchange.form))

    async def _openid_configuration(self, request: Request) -> Response:
        return _json(self._authority.openid_configuration(request.path_params["tenant"]))

    async def _keys(self, request: Request) -> Response:
        return _json(self._authority.keys(request.path_params["tenant"]))


async def _unknown(scope: Scope, receive: Receive, send: Send) -> None:
    raise not_implemented(f"the path '{scope['path']}'")


def _json(
    document: Any, status: int = 200, media_type: str = "application/json; charset=utf-8"
) -> Response:
    return Response(json.dumps(document, separators=(",", ":")), status, media_type=media_type)


def _exchange(request: Request) -> Exchange:
    exchange: Exchange = request.scope["emulator.exchange"]
    return exchange


def _id(request: Request) -> str:
    id: str = request.path_params["id"]
    return id


def _query(request: Request, known: set[str]) -> dict[str, str]:
    query = _exchange(request).query
    for name in query.keys() - known:
        raise not_implemented(f"the query option '{name}' here")
    return query


def _where(filter: str | None) -> tuple[str, str] | None:
    if filter is None:
        return None
    match = _FILTER.fullmatch(filter.strip())
    if match is None:
        raise not_implemented("this $filter, only a property (appId, displayName, id) eq '…'")
    return match[1], match[2]


def _selected(item: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    if "$select" not in query:
        return item
    names = {name.strip() for name in query["$select"].split(",")}
    return {name: value for name, value in item.items() if name in names}
