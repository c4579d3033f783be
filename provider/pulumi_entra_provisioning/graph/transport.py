"""The HTTP transport that msgraph-sdk uses."""

from __future__ import annotations

import ssl
from typing import Final

import httpx

from ..network.bodies import LIMIT, decoded
from ..network.environment import proxy

# The calls in flight are bounded elsewhere. httpx would close all but 20 idle connections, only to
# open them again for the next calls.
_LIMITS: Final = httpx.Limits(max_connections=None, max_keepalive_connections=None)

_FRAMING: Final = {"content-encoding", "content-length", "transfer-encoding"}


def graph_transport(url: str, ca_file: str) -> httpx.AsyncBaseTransport:
    """The transport to Microsoft Graph at `url`, which trusts only `ca_file` if it is given."""
    trust = ssl.create_default_context(cafile=ca_file) if ca_file else True
    return _Bounded(httpx.AsyncHTTPTransport(verify=trust, proxy=proxy(url), limits=_LIMITS))


class _Bounded(httpx.AsyncBaseTransport):
    """httpx's own transport, whose answers come whole and decoded."""

    def __init__(self, transport: httpx.AsyncHTTPTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        body = bytearray()
        try:
            async for part in response.aiter_raw():
                body += part
                if len(body) > LIMIT:
                    break
        finally:
            await response.aclose()
        return httpx.Response(
            response.status_code,
            headers=[
                (name, value)
                for name, value in response.headers.raw
                if name.decode("latin-1").lower() not in _FRAMING
            ],
            content=decoded(bytes(body), response.headers, response.status_code),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._transport.aclose()
