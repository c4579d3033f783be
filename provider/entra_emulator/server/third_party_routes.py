"""The third party's token and authorization endpoints, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response
from starlette.routing import Route

from ..http.exchange import Exchange
from ..http.routing import json_response, route
from ..third_party.authorization_server import THIRD_PARTY_PATH, ThirdParty, ThirdPartyError


class ThirdPartyRoutes:
    """The routes below `/third-party`."""

    def __init__(self, third_party: ThirdParty) -> None:
        self._third_party = third_party
        self.routes: list[Route] = [
            route("POST", f"{THIRD_PARTY_PATH}/{{name}}/token", self._token),
            route("GET", f"{THIRD_PARTY_PATH}/{{name}}/authorize", self._authorize),
        ]

    def _token(self, exchange: Exchange, path: Mapping[str, str]) -> Response:
        try:
            tokens = self._third_party.token(exchange.form, exchange.headers.get("authorization"))
        except ThirdPartyError as error:
            response = json_response(error.body, error.status)
            if error.status == 401:
                response.headers["www-authenticate"] = 'Basic realm="third-party"'
            return response
        response = json_response(tokens)
        response.headers["cache-control"] = "no-store"
        return response

    def _authorize(self, exchange: Exchange, path: Mapping[str, str]) -> Response:
        try:
            location = self._third_party.authorize(exchange.query)
        except ThirdPartyError as error:
            return json_response(error.body, 400)
        return Response(status_code=302, headers={"location": location})
