"""Microsoft Graph's documented limits, counted for each calling application.

https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits
https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-provisionondemand
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

from ..graph.errors import GraphError, default_error, graph_error_response
from ..http.exchange import Exchange
from ..http.routing import Handler, with_headers

_WARNED_FROM = 0.8
_WARNED_TO = 1.8


@dataclass(frozen=True)
class Limits:
    """How much one application can request from one tenant.

    `resource_units` in 10 s (the default is for fewer than 50 users; Graph allows 5,000 up to 500
    users, 8,000 above), `writes` in 150 s, `on_demand` calls of provisionOnDemand in 10 s.
    """

    resource_units: int = 3500
    writes: int = 3000
    on_demand: int = 5


class Throttling:
    """Counts the calls of the last seconds and refuses those that exceed a limit."""

    def __init__(self, limits: Limits, tenant_id: str, now: Callable[[], float]) -> None:
        self._limits = limits
        self._tenant_id = tenant_id
        self._now = now
        self._windows: dict[tuple[str, str], _Window] = {}

    def limit(self, handler: Handler) -> Handler:
        """The handler for calls within the limits, and 429 for the others.

        A refused call counts too, as Graph documents. A call without a valid token does not count.
        """

        def respond(exchange: Exchange) -> Response:
            client_id = exchange.client_id
            if client_id is None or not exchange.path.startswith("/v1.0/"):
                return handler(exchange)
            headers, refusal = self._count(exchange, client_id)
            if refusal is not None:
                return with_headers(graph_error_response(refusal, exchange), headers)
            return with_headers(handler(exchange), headers)

        return respond

    def _count(
        self, exchange: Exchange, client_id: str
    ) -> tuple[dict[str, str], GraphError | None]:
        """The headers about the limits, and an error if the call exceeds one."""
        units = resource_units(exchange)
        headers = {"x-ms-resource-unit": str(units)}
        limits = self._limits
        counted = [
            self._window(client_id, "ResourceUnitLimitExceeded", limits.resource_units, 10, units)
        ]
        if exchange.method != "GET":
            counted.append(self._window(client_id, "WriteLimitExceeded", limits.writes, 150))
        if exchange.path.endswith("/provisionOnDemand"):
            counted.append(self._window(client_id, "OnDemandLimitExceeded", limits.on_demand, 10))
        use = max(window.use for window in counted)
        if use >= _WARNED_FROM:
            warning = f"{min(use, _WARNED_TO):.2f}"
            headers["x-ms-throttle-limit-percentage"] = warning
        exceeded = [window for window in counted if window.use > 1]
        if not exceeded:
            return headers, None
        return headers, self._refusal(client_id, max(exceeded, key=lambda window: window.wait))

    def _window(
        self, client_id: str, name: str, limit: int, seconds: int, units: int = 1
    ) -> _Window:
        window = self._windows.setdefault((client_id, name), _Window(name, limit, seconds))
        window.add(units, self._now())
        return window

    def _refusal(self, client_id: str, window: _Window) -> GraphError:
        scope = "ReadWrite" if window.name.startswith("ResourceUnit") else "Write"
        headers = {
            "Retry-After": str(window.wait),
            "x-ms-throttle-information": window.name,
            "x-ms-throttle-scope": f"Tenant_Application/{scope}/{client_id}/{self._tenant_id}",
        }
        return default_error(429, headers)


class _Window:
    """The count of the last seconds, in steps of a tenth of a second."""

    def __init__(self, name: str, limit: int, seconds: int) -> None:
        self.name = name
        self._limit = limit
        self._seconds = seconds
        self._steps: deque[tuple[float, int]] = deque()
        self._sum = 0
        self._latest = 0

    def add(self, units: int, now: float) -> None:
        while self._steps and self._steps[0][0] <= now - self._seconds:
            self._sum -= self._steps.popleft()[1]
        self._sum += units
        self._latest = units
        self._now = now
        step = math.floor(now * 10) / 10
        before = self._steps.pop()[1] if self._steps and self._steps[-1][0] == step else 0
        self._steps.append((step, before + units))

    @property
    def use(self) -> float:
        """The used part of the limit; above 1, the last call exceeds it."""
        return self._sum / self._limit

    @property
    def wait(self) -> int:
        """Whole seconds until the same call is within the limit, if no other call comes first."""
        left = self._sum
        for moment, units in self._steps:
            left -= units
            if left + self._latest <= self._limit:
                return max(1, math.ceil(moment + self._seconds - self._now))
        return self._seconds


def resource_units(exchange: Exchange) -> int:
    """The cost of a call: 1, or 2 for GET applications; at least 1 after $select and $top."""
    units = 2 if (exchange.method, exchange.path) == ("GET", "/v1.0/applications") else 1
    units -= "$select" in exchange.query
    units += "$expand" in exchange.query
    top = exchange.query.get("$top", "")
    units -= top.isdecimal() and int(top[:4]) < 20
    return max(1, units)
