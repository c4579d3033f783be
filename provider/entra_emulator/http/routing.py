"""Paths and the functions that serve them, on Starlette's routes.

A function takes the exchange and the parameters of the path, and returns a response. It needs no
ASGI, so a disturbance is a plain function around another one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import Match, Route

from .errors import MethodNotAllowedError, NotEmulatedError
from .exchange import Exchange

JSON = "application/json; charset=utf-8"

Handler = Callable[[Exchange], Response]
"""Serves a request."""

Endpoint = Callable[[Exchange, Mapping[str, str]], Response]
"""Serves a request to one path, with the parameters of that path."""


def route(method: str, path: str, endpoint: Endpoint) -> Route:
    """A path with its method, in Starlette's syntax: `/v1.0/applications/{id}`."""
    return Route(path, endpoint, methods=[method])


def route_request(routes: Iterable[Route], exchange: Exchange) -> Response:
    """The response of the route that matches.

    NotEmulatedError if no path matches, MethodNotAllowedError if only the method does not.
    """
    scope = {"type": "http", "method": exchange.method, "path": exchange.path}
    other_method: Route | None = None
    for candidate in routes:
        match, found = candidate.matches(scope)
        if match is Match.FULL:
            response: Response = candidate.endpoint(exchange, found["path_params"])
            return response
        if match is Match.PARTIAL and other_method is None:
            other_method = candidate
    if other_method is not None:
        raise MethodNotAllowedError(", ".join(sorted(other_method.methods or ())))
    raise NotEmulatedError(f"the path '{exchange.path}'")


def json_response(
    value: Any,
    status: int = 200,
    content_type: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A response whose body is compact JSON."""
    text = json.dumps(value, separators=(",", ":"))
    return Response(text, status, headers=headers, media_type=content_type)


def with_headers(response: Response, headers: Mapping[str, str]) -> Response:
    """The response with further headers, by names in lower case; its own values win."""
    return Response(
        response.body, response.status_code, headers={**headers, **dict(response.headers)}
    )
