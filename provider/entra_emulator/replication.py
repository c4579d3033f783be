"""Objects that exist and that Graph does not know everywhere yet.

https://learn.microsoft.com/graph/best-practices-concept says to expect it; no time is documented.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from .assumptions import Assumptions
from .graph_errors import GraphError, not_found
from .state import Kind
from .tenant import Tenant

if TYPE_CHECKING:
    from .exchange import Answer, Exchange

_LIST = re.compile(r"/v1\.0/(applications|servicePrincipals)")
_OBJECT = re.compile(
    r"/v1\.0/(applications|servicePrincipals)(?:/([^/]+)|\(appId='([^']+)'\))(/.*)?"
)


class Replication:
    """Hides an application or a service principal for `lag` seconds from its creation on."""

    def __init__(
        self, tenant: Tenant, lag: float, assumptions: Assumptions, now: Callable[[], datetime]
    ) -> None:
        self._tenant = tenant
        self._lag = timedelta(seconds=lag)
        self._assumptions = assumptions
        self._now = now

    def check(self, exchange: Exchange) -> None:
        """Refuses a call about an object that has not replicated yet."""
        match = _OBJECT.fullmatch(exchange.path) if self._lag else None
        # Who may not call at all is told so first, by the routes.
        if match is None or exchange.client_id is None:
            return
        kind, rest = cast(Kind, match[1]), match[4] or ""
        id = match[2] or self._id_of(kind, match[3])
        if id is None or not self._is_hidden(kind, id):
            return
        if rest.startswith("/synchronization"):
            raise GraphError(*self._assumptions.unreplicated_synchronization)
        raise not_found(id)

    def filter(self, exchange: Exchange, answer: Answer) -> None:
        """Takes hidden objects out of a list, where the list shows their ids."""
        match = _LIST.fullmatch(exchange.path) if self._lag else None
        if match is None or exchange.method != "GET" or answer.status != 200:
            return
        kind = cast(Kind, match[1])
        document = json.loads(answer.body)
        document["value"] = [
            item
            for item in document["value"]
            if not ("id" in item and self._is_hidden(kind, item["id"]))
        ]
        answer.body = json.dumps(document, separators=(",", ":")).encode()

    def _id_of(self, kind: Kind, app_id: str) -> str | None:
        for item in self._tenant.objects(kind, ("appId", app_id)):
            return str(item["id"])
        return None

    def _is_hidden(self, kind: Kind, id: str) -> bool:
        try:
            created = self._tenant.created(kind, id)
        except GraphError:
            return False
        # Not what was created in the future: a seed, or a state file of a clock that was ahead.
        return timedelta(0) <= self._now() - created < self._lag
