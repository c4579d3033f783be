"""All routes of all services, and the translation of their errors into responses."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response
from starlette.routing import Route

from ..assumptions import Assumptions
from ..entra.errors import TokenError, token_error_response
from ..graph.errors import (
    GraphError,
    from_request_error,
    from_tenant_error,
    graph_error_response,
)
from ..http.errors import BodyError, MethodNotAllowedError, NotEmulatedError
from ..http.exchange import Exchange
from ..http.routing import route_request
from ..tenant.errors import TenantError


class Services:
    """Serves Graph, Entra, the third party and the workloads' endpoints at `url`."""

    def __init__(self, routes: Iterable[Route], url: str, assumptions: Assumptions) -> None:
        self._routes = tuple(routes)
        self._url = url
        self._assumptions = assumptions

    def respond(self, exchange: Exchange) -> Response:
        """The service's answer, or its error. The answer to an unknown path is Graph's 501."""
        try:
            return route_request(self._routes, exchange)
        except TokenError as error:
            return token_error_response(error, exchange, self._url)
        except GraphError as error:
            return graph_error_response(error, exchange)
        except TenantError as error:
            return graph_error_response(from_tenant_error(error, self._assumptions), exchange)
        except (BodyError, MethodNotAllowedError, NotEmulatedError) as error:
            return graph_error_response(from_request_error(error), exchange)
