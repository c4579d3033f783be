"""The steps of every request, in order.

1. Read the body, within limits.
2. Refuse other host names.
3. Answer the emulator's own pages.
4. Find out which client calls, and which scripted fault applies.
5. Answer with the fault, or with the services (which throttling and replication lag surround).
6. Record the call in the journal.
7. Send the answer, or half of it, or none.

The pipeline answers every request itself, so that even a crash has the form of the service's error.
"""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..clock import Clock
from ..disturb.faults import Fault, Faults
from ..entra.errors import TokenError, token_error_response
from ..entra.routes import is_authority_path
from ..graph.errors import DEFAULT_ERRORS, GraphError, default_error, graph_error_response
from ..http.body import BODY_LIMIT, read_body
from ..http.exchange import Exchange
from ..http.routing import Handler, with_headers
from ..observe.journal import Journal
from .connection import send_half, send_response
from .hosts import AllowedHosts

_DIAGNOSTIC = json.dumps(
    {
        "ServerInfo": {
            "DataCenter": "Emulator",
            "Slice": "E",
            "Ring": "0",
            "ScaleUnit": "000",
            "RoleInstance": "EMULATOR",
        }
    },
    separators=(",", ":"),
)

_log = logging.getLogger(__name__)


class Pipeline:
    """The ASGI application that the server runs.

    `handler` serves the services' paths, `own_page` the emulator's own (None for any other path),
    `identify` finds the client id of the caller. `url` is the authority's.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        own_page: Callable[[Exchange], Response | None],
        identify: Callable[[Exchange], str | None],
        allowed_hosts: AllowedHosts,
        faults: Faults,
        journal: Journal,
        clock: Clock,
        url: str,
    ) -> None:
        self._handler = handler
        self._own_page = own_page
        self._identify = identify
        self._allowed_hosts = allowed_hosts
        self._faults = faults
        self._journal = journal
        self._clock = clock
        self._url = url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            body = await read_body(receive, Headers(scope=scope))
        except ClientDisconnect:
            return
        exchange = Exchange.from_scope(scope, body, self._clock.now())
        refusal = self._allowed_hosts.refusal(exchange.headers)
        if refusal is not None:
            await send_response(graph_error_response(refusal, exchange), send)
            return
        page = self._page(exchange)
        if page is not None:
            await send_response(page, send)
            return
        exchange = replace(exchange, client_id=self._identify(exchange))
        fault = self._faults.take(exchange.method, exchange.path)
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        response = self._response(exchange, fault)
        drop = fault.drop if fault else None
        sent = None if drop in ("before", "after") else response
        self._journal.record(exchange, sent, fault, self._clock.now())
        if drop is None:
            await send_response(response, send)
        else:
            await send_half(sent, scope, receive)

    def _page(self, exchange: Exchange) -> Response | None:
        try:
            return self._own_page(exchange)
        except Exception as error:
            _log_crash(error)
            return Response(status_code=500)

    def _response(self, exchange: Exchange, fault: Fault | None) -> Response:
        if fault and fault.drop == "before":
            return Response(status_code=204)
        if fault and fault.status is not None:
            response = self._scripted(exchange, fault, fault.status)
        elif exchange.body is None:
            message = f"The body is larger than {BODY_LIMIT} bytes."
            error = GraphError(413, "RequestEntityTooLarge", message)
            response = graph_error_response(error, exchange)
        else:
            response = self._served(exchange)
        return with_headers(response, _usual_headers(exchange))

    def _served(self, exchange: Exchange) -> Response:
        try:
            return self._handler(exchange)
        except Exception as error:
            _log_crash(error)
            return graph_error_response(default_error(500), exchange)

    def _scripted(self, exchange: Exchange, fault: Fault, status: int) -> Response:
        headers = _lower(fault.headers)
        if fault.body is not None:
            body = fault.body.encode() if isinstance(fault.body, str) else fault.body
            content_type = "text/html" if body.lstrip().startswith(b"<") else "application/json"
            return Response(body, status, {"content-type": content_type, **headers})
        if status < 400:
            return Response(None, status, headers)
        default_code, default_message = DEFAULT_ERRORS.get(status, ("UnknownError", ""))
        message = default_message if fault.message is None else fault.message
        if is_authority_path(exchange.path):
            code = fault.code or "temporarily_unavailable"
            error = TokenError(status, code, 90033, message)
            response = token_error_response(error, exchange, self._url)
        else:
            code = fault.code or default_code
            response = graph_error_response(GraphError(status, code, message), exchange)
        response.headers.update(headers)
        return response


def _log_crash(error: Exception) -> None:
    # The error's message may quote the request; the lines of code do not.
    lines = "".join(traceback.format_tb(error.__traceback__))
    _log.error("%s in the emulator:\n%s", type(error).__name__, lines)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _usual_headers(exchange: Exchange) -> dict[str, str]:
    sent = exchange.client_request_id
    if is_authority_path(exchange.path):
        headers = {"x-ms-request-id": exchange.request_id, "cache-control": "no-store, no-cache"}
        return headers | ({"client-request-id": sent} if sent else {})
    return {
        "request-id": exchange.request_id,
        "client-request-id": sent or exchange.request_id,
        "x-ms-ags-diagnostic": _DIAGNOSTIC,
        "cache-control": "no-cache",
    }
