"""Connections that a scripted fault can close in the middle of an answer."""

from __future__ import annotations

import asyncio
from http.client import responses

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_TRANSPORT = "emulator.transport"
"""The ASGI extension with the transport of the connection."""


class TransportProtocol(H11Protocol):
    """uvicorn's HTTP protocol, which also gives the application the connection's transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Adds the transport to the scope of every request."""
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            extensions = {**scope.get("extensions", {}), _TRANSPORT: transport}
            await app({**scope, "extensions": extensions}, receive, send)

        self.app = with_transport

    def shutdown(self) -> None:
        """Closes the connection at once if no answer is under way."""
        # An orderly TLS shutdown waits for the client, and an idle connection in a pool never
        # answers.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
        else:
            super().shutdown()


def raw_headers(response: Response) -> list[tuple[bytes, bytes]]:
    """The headers as they are sent, with the length of the body."""
    headers = dict(response.headers)
    if response.status_code != 204:
        headers["content-length"] = str(len(response.body))
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def send_response(response: Response, send: Send) -> None:
    """Sends the whole answer."""
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": raw_headers(response),
        }
    )
    await send({"type": "http.response.body", "body": bytes(response.body)})


async def send_half(response: Response | None, scope: Scope, receive: Receive) -> None:
    """Sends the first half of the answer, or nothing, and closes the connection."""
    transport: asyncio.Transport = scope["extensions"][_TRANSPORT]
    if response is not None:
        transport.write(_first_half(response))
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


def _first_half(response: Response) -> bytes:
    """The answer as bytes, cut in the middle of its body, or of its headers if it has no body."""
    status = response.status_code
    lines = [f"HTTP/1.1 {status} {responses.get(status, '')}".encode()]
    lines += [name + b": " + value for name, value in raw_headers(response)]
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    body = bytes(response.body)
    return head + body[: len(body) // 2] if body else head[: len(head) // 2]
