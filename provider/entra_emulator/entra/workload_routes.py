"""The endpoints where a workload requests its own token: its pipeline, or its Azure resource.

From HTTP to the rules in `federation` and `managed_identity`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from ..http.exchange import Exchange
from ..http.routing import json_response, route
from ..state.model import Client
from .errors import TokenError
from .federation import ISSUERS_PATH, Federation
from .managed_identity import (
    APP_SERVICE_PATH,
    IMDS_PATH,
    ManagedIdentities,
    app_service_answer,
    imds_answer,
)


class WorkloadRoutes:
    """The routes of the issuers and of the managed identities."""

    def __init__(self, federation: Federation, identities: ManagedIdentities) -> None:
        self._federation = federation
        self._identities = identities
        issuer = f"{ISSUERS_PATH}/{{issuer}}/.well-known"
        self.routes: list[Route] = [
            route("GET", f"{issuer}/openid-configuration", self._openid_configuration),
            route("GET", f"{issuer}/jwks", self._keys),
            route("GET", f"{ISSUERS_PATH}/github-actions/token", self._github_actions),
            route("POST", f"{ISSUERS_PATH}/azure-devops/token", self._azure_devops),
            route("GET", IMDS_PATH, self._imds),
            route("GET", APP_SERVICE_PATH, self._app_service),
        ]

    def client_id(self, exchange: Exchange) -> str | None:
        """The client id of the managed identity that the request gets a token of, if it does."""
        if exchange.path == IMDS_PATH:
            identity = self._imds_identity(exchange)
        elif exchange.path == APP_SERVICE_PATH:
            identity = self._app_service_identity(exchange)
        else:
            return None
        return identity.client_id if isinstance(identity, Client) else None

    # Issuers

    def _openid_configuration(self, exchange: Exchange, path: Mapping[str, str]) -> Response:
        issuer = self._federation.find_issuer(path["issuer"])
        if issuer is None:
            return _unknown_issuer()
        return _uncached(self._federation.openid_configuration(issuer))

    def _keys(self, exchange: Exchange, path: Mapping[str, str]) -> Response:
        issuer = self._federation.find_issuer(path["issuer"])
        return _unknown_issuer() if issuer is None else _uncached(self._federation.keys(issuer))

    def _github_actions(self, exchange: Exchange, path: Mapping[str, str]) -> Response:
        # https://docs.github.com/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
        if not self._federation.accepts(exchange.headers.get("authorization")):
            return _uncached({"message": "Not authorized."}, 401)
        # GitHub's default is the URL of the repository's owner.
        audience = exchange.query.get("audience") or "https://github.com/contoso"
        return _uncached({"value": self._federation.token("github-actions", audience=audience)})

    def _azure_devops(self, exchange: Exchange, path: Mapping[str, str]) -> Response:
        # https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create
        if not self._federation.accepts(exchange.headers.get("authorization")):
            return _uncached({"message": "TF400813: The user is not authorized."}, 401)
        if not exchange.query.get("api-version", "").startswith("7.1"):
            message = "No api-version was supplied, or one that is not known."
            return _uncached({"message": message}, 400)
        connection = exchange.query.get("serviceConnectionId", "")
        token = self._federation.service_connection_token(connection)
        if token is None:
            return _uncached({"message": "The service connection was not found."}, 404)
        return _uncached({"oidcToken": token})

    # Managed identities

    def _imds(self, exchange: Exchange, path: Mapping[str, str]) -> Response:
        identity = self._imds_identity(exchange)
        if isinstance(identity, Response):
            return identity
        try:
            token = self._identities.token(identity, exchange.query["resource"])
        except TokenError as error:
            return _imds_error("invalid_resource", f"AADSTS{error.number}: {error.message}")
        return _uncached(imds_answer(token))

    def _imds_identity(self, exchange: Exchange) -> Client | Response:
        if exchange.headers.get("metadata", "").lower() != "true":
            return _imds_error("bad_request_102", "Required metadata header not specified")
        for name in ("api-version", "resource"):
            if not exchange.query.get(name):
                message = f"Required query variable '{name}' is missing"
                return _imds_error("invalid_request", message)
        client = self._identities.identity(exchange.query)
        return client or _imds_error("invalid_request", "Identity not found")

    def _app_service(self, exchange: Exchange, path: Mapping[str, str]) -> Response:
        identity = self._app_service_identity(exchange)
        if isinstance(identity, Response):
            return identity
        try:
            token = self._identities.token(identity, exchange.query["resource"])
        except TokenError as error:
            return _app_service_error(400, f"AADSTS{error.number}: {error.message}")
        return _uncached(app_service_answer(token))

    def _app_service_identity(self, exchange: Exchange) -> Client | Response:
        if exchange.headers.get("x-identity-header") != self._identities.header:
            return _app_service_error(401, "The X-IDENTITY-HEADER is missing, or not this app's.")
        query = exchange.query
        if query.get("api-version") != "2019-08-01" or not query.get("resource"):
            return _app_service_error(400, "An api-version or a resource is missing.")
        return self._identities.identity(query) or _app_service_error(
            400,
            "No User Assigned or Delegated Managed Identity found for specified"
            " ClientId/ResourceId/PrincipalId.",
        )


def _unknown_issuer() -> Response:
    return _uncached({"message": "The emulator does not implement this issuer."}, 404)


def _imds_error(code: str, description: str) -> Response:
    return _uncached({"error": code, "error_description": description}, 400)


def _app_service_error(status: int, message: str) -> Response:
    return _uncached({"statusCode": status, "message": message}, status)


def _uncached(value: Any, status: int = 200) -> Response:
    response = json_response(value, status)
    response.headers["cache-control"] = "no-store"
    return response
