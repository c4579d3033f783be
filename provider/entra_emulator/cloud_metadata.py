"""What a cloud's resource manager tells of the cloud's endpoints, to whoever asks.

terraform-provider-azuread asks it where Entra and Graph are; there is no other way to tell it. The
parts are those that it reads: https://github.com/hashicorp/go-azure-sdk, sdk/internal/metadata.
"""

from __future__ import annotations

import json

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .graph_errors import not_implemented

PATH = "/metadata/endpoints"
_VERSION = "2022-09-01"


class CloudMetadata:
    """The ASGI application that answers for the cloud, and leaves the other paths to `routes`.

    All of its endpoints are `url`.
    """

    def __init__(self, routes: ASGIApp, url: str) -> None:
        self._routes = routes
        self._endpoints = json.dumps(
            {
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
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or has it answered."""
        if scope["path"] != PATH or scope["method"] != "GET":
            await self._routes(scope, receive, send)
            return
        if scope["emulator.exchange"].query.get("api-version") != _VERSION:
            raise not_implemented(f"this api-version of the cloud's metadata, only {_VERSION},")
        answer = Response(self._endpoints, media_type="application/json; charset=utf-8")
        await answer(scope, receive, send)
