"""Replication lag: objects that exist, but that Graph does not show everywhere yet.

https://learn.microsoft.com/graph/best-practices-concept tells clients to expect it, without a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import cast

from starlette.responses import Response

from ..assumptions import Assumptions
from ..graph.errors import GraphError, graph_error_response, not_found
from ..http.exchange import Exchange
from ..http.routing import Handler
from ..state.model import Kind
from ..tenant.errors import TenantError
from ..tenant.tenant import Tenant

_LIST = re.compile(r"/v1\.0/(applications|servicePrincipals)")
_OBJECT = re.compile(
    r"/v1\.0/(applications|servicePrincipals)(?:/([^/]+)|\(appId='([^']+)'\))(/.*)?"
)


class Replication:
    """Hides an application or a service principal for `lag` seconds after its creation."""

    def __init__(
        self, tenant: Tenant, lag: float, assumptions: Assumptions, now: Callable[[], datetime]
    ) -> None:
        self._tenant = tenant
        self._lag = timedelta(seconds=lag)
        self._assumptions = assumptions
        self._now = now

    def delay(self, handler: Handler) -> Handler:
        """The handler, without the objects that have not replicated yet."""

        def respond(exchange: Exchange) -> Response:
            refusal = self._refusal(exchange)
            if refusal is not None:
                return graph_error_response(refusal, exchange)
            return self._filtered(exchange, handler(exchange))

        return respond if self._lag else handler

    def _refusal(self, exchange: Exchange) -> GraphError | None:
        """The answer to a request about an object that has not replicated yet."""
        match = _OBJECT.fullmatch(exchange.path)
        # Without a valid token, the handler's own error comes first.
        if match is None or exchange.client_id is None:
            return None
        kind, rest = cast(Kind, match[1]), match[4] or ""
        id = match[2] or self._id_of(kind, match[3])
        if id is None or not self._is_hidden(kind, id):
            return None
        if rest.startswith("/synchronization"):
            return GraphError(*self._assumptions.unreplicated_synchronization)
        return not_found(id)

    def _filtered(self, exchange: Exchange, response: Response) -> Response:
        """The response without hidden objects, if it is a list that shows their ids."""
        match = _LIST.fullmatch(exchange.path)
        if match is None or exchange.method != "GET" or response.status_code != 200:
            return response
        kind = cast(Kind, match[1])
        collection = json.loads(bytes(response.body))
        collection["value"] = [
            item
            for item in collection["value"]
            if not ("id" in item and self._is_hidden(kind, item["id"]))
        ]
        body = json.dumps(collection, separators=(",", ":")).encode()
        headers = {**dict(response.headers), "content-length": str(len(body))}
        return Response(body, response.status_code, headers)

    def _id_of(self, kind: Kind, app_id: str) -> str | None:
        for item in self._tenant.objects(kind, ("appId", app_id)):
            return str(item["id"])
        return None

    def _is_hidden(self, kind: Kind, id: str) -> bool:
        try:
            created = self._tenant.created(kind, id)
        except TenantError:
            return False
        # A date in the future comes from a seed, or from a state file of a clock that was ahead.
        return timedelta(0) <= self._now() - created < self._lag
