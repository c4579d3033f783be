"""The paths of the token endpoint, of its metadata, and of a cloud's endpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from ..formats import is_guid
from ..http.errors import NotEmulatedError
from ..http.exchange import Exchange
from ..http.routing import json_response, route
from .authority import Authority

# Exactly one segment comes before it: an id in a path of Graph's may end in the same way.
_AUTHORITY_PATH = re.compile(
    r"/[^/]+/(oauth2/v2\.0/token|v2\.0/\.well-known/openid-configuration"
    r"|discovery/(v2\.0/keys|instance))"
)
_CLOUD_METADATA_PATH = "/metadata/endpoints"
_CLOUD_METADATA_VERSION = "2022-09-01"


def is_authority_path(path: str) -> bool:
    """Whether the path is the token endpoint's or its metadata's, not Graph's."""
    return _AUTHORITY_PATH.fullmatch(path) is not None


def requesting_client_id(exchange: Exchange) -> str | None:
    """The client id in a token request, if it is a GUID."""
    client_id = (exchange.form or {}).get("client_id", "")
    return client_id if is_guid(client_id) else None


class AuthorityRoutes:
    """The routes of the token endpoint and of metadata."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self.routes: list[Route] = [
            route("POST", "/{tenant}/oauth2/v2.0/token", self._token),
            route(
                "GET",
                "/{tenant}/v2.0/.well-known/openid-configuration",
                self._openid_configuration,
            ),
            route("GET", "/{tenant}/discovery/v2.0/keys", self._keys),
            route("GET", "/common/discovery/instance", self._instance),
            route("GET", _CLOUD_METADATA_PATH, self._cloud_metadata),
        ]

    def _token(self, exchange: Exchange, path: Mapping[str, str]) -> Response:
        url = self._requested_url(exchange)
        return json_response(self._authority.token(path["tenant"], exchange.form, url))

    def _openid_configuration(self, exchange: Exchange, path: Mapping[str, str]) -> Response:
        url = self._requested_url(exchange)
        return json_response(self._authority.openid_configuration(path["tenant"], url))

    def _keys(self, exchange: Exchange, path: Mapping[str, str]) -> Response:
        return json_response(self._authority.keys(path["tenant"]))

    def _instance(self, exchange: Exchange, path: Mapping[str, str]) -> Response:
        endpoint = exchange.query.get("authorization_endpoint", "")
        return json_response(self._authority.instance(endpoint))

    def _cloud_metadata(self, exchange: Exchange, path: Mapping[str, str]) -> Response:
        if exchange.query.get("api-version") != _CLOUD_METADATA_VERSION:
            raise NotEmulatedError(
                f"an api-version of the cloud metadata other than {_CLOUD_METADATA_VERSION}"
            )
        return json_response(_cloud_metadata(self._authority.url))

    def _requested_url(self, exchange: Exchange) -> str:
        return self._authority.url_for(exchange.headers.get("host"))


def _cloud_metadata(url: str) -> dict[str, Any]:
    """The endpoints of a cloud, as its resource manager publishes them.

    terraform-provider-azuread learns the URLs of Entra and Graph from here and from nowhere else.
    It reads these parts: https://github.com/hashicorp/go-azure-sdk, sdk/internal/metadata.
    """
    return {
        "name": "EntraEmulator",
        "authentication": {
            "loginEndpoint": url,
            "audiences": [url],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": url,
        "microsoftGraphResourceId": url,
        "suffixes": {},
    }
