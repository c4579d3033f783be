"""What a workload asks for who it is: its pipeline's issuer, or the machine that it runs on.

From HTTP to the rules in `federation` and `managed_identity`, and back. No rules.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .federation import PATH, Federation
from .managed_identity import (
    APP_SERVICE_PATH,
    IMDS_PATH,
    ManagedIdentities,
    app_service_answer,
    imds_answer,
)
from .state import Issuer
from .token_errors import TokenError


class WorkloadRoutes:
    """The routes of the issuers and of the managed identities."""

    def __init__(self, federation: Federation, identities: ManagedIdentities) -> None:
        self._federation = federation
        self._identities = identities
        issuer = f"{PATH}/{{issuer}}/.well-known"
        self.routes = [
            Route(f"{issuer}/openid-configuration", self._openid_configuration, methods=["GET"]),
            Route(f"{issuer}/jwks", self._keys, methods=["GET"]),
            Route(f"{PATH}/github-actions/token", self._github_actions, methods=["GET"]),
            Route(f"{PATH}/azure-devops/token", self._azure_devops, methods=["POST"]),
            Route(IMDS_PATH, self._imds, methods=["GET"]),
            Route(APP_SERVICE_PATH, self._app_service, methods=["GET"]),
        ]

    async def _openid_configuration(self, request: Request) -> Response:
        return _json(self._federation.openid_configuration(self._issuer(request)))

    async def _keys(self, request: Request) -> Response:
        return _json(self._federation.keys(self._issuer(request)))

    def _issuer(self, request: Request) -> Issuer:
        issuer = self._federation.named(request.path_params["issuer"])
        if issuer is None:
            raise HTTPException(404)
        return issuer

    async def _github_actions(self, request: Request) -> Response:
        # https://docs.github.com/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
        if not self._federation.accepts(request.headers.get("authorization")):
            return _json({"message": "Not authorized."}, 401)
        # What GitHub puts where none is asked for: the URL of the repository's owner.
        audience = request.query_params.get("audience") or "https://github.com/contoso"
        return _json({"value": self._federation.token("github-actions", audience=audience)})

    async def _azure_devops(self, request: Request) -> Response:
        # https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create
        if not self._federation.accepts(request.headers.get("authorization")):
            return _json({"message": "TF400813: The user is not authorized."}, 401)
        if not request.query_params.get("api-version", "").startswith("7.1"):
            return _json({"message": "No api-version was supplied, or one that is not known."}, 400)
        connection = request.query_params.get("serviceConnectionId", "")
        token = self._federation.service_connection_token(connection)
        if token is None:
            return _json({"message": "The service connection was not found."}, 404)
        return _json({"oidcToken": token})

    async def _imds(self, request: Request) -> Response:
        if request.headers.get("metadata", "").lower() != "true":
            return _imds_error("bad_request_102", "Required metadata header not specified")
        query = dict(request.query_params)
        for name in ("api-version", "resource"):
            if not query.get(name):
                return _imds_error(
                    "invalid_request", f"Required query variable '{name}' is missing"
                )
        client = self._identities.identity(query)
        if client is None:
            return _imds_error("invalid_request", "Identity not found")
        request.scope["emulator.exchange"].client_id = client.client_id
        try:
            return _json(imds_answer(self._identities.token(client, query["resource"])))
        except TokenError as error:
            return _imds_error("invalid_resource", f"AADSTS{error.number}: {error.message}")

    async def _app_service(self, request: Request) -> Response:
        if request.headers.get("x-identity-header") != self._identities.header:
            return _app_service_error(401, "The X-IDENTITY-HEADER is missing, or not this app's.")
        query = dict(request.query_params)
        if query.get("api-version") != "2019-08-01" or not query.get("resource"):
            return _app_service_error(400, "An api-version or a resource is missing.")
        client = self._identities.identity(query)
        if client is None:
            return _app_service_error(
                400,
                "No User Assigned or Delegated Managed Identity found for specified"
                " ClientId/ResourceId/PrincipalId.",
            )
        request.scope["emulator.exchange"].client_id = client.client_id
        try:
            return _json(app_service_answer(self._identities.token(client, query["resource"])))
        except TokenError as error:
            return _app_service_error(400, f"AADSTS{error.number}: {error.message}")


def _imds_error(code: str, description: str) -> Response:
    return _json({"error": code, "error_description": description}, 400)


def _app_service_error(status: int, message: str) -> Response:
    return _json({"statusCode": status, "message": message}, status)


def _json(document: Any, status: int = 200) -> Response:
    answer = Response(
        json.dumps(document, separators=(",", ":")),
        status,
        media_type="application/json; charset=utf-8",
    )
    answer.headers["cache-control"] = "no-store"
    return answer
