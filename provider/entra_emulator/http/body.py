"""The body of a request, read and decompressed within limits."""

from __future__ import annotations

import zlib

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Receive

BODY_LIMIT = 1 << 20
"""Bytes of a body, as sent or decompressed. The emulator answers 413 to a larger one."""

# A client that is still sending does not read an answer, so a larger body is received and dropped.
_DISCARD_LIMIT = 16 << 20


async def read_body(receive: Receive, headers: Headers) -> bytes | None:
    """The whole body, decompressed; None if it exceeds `BODY_LIMIT`.

    ClientDisconnect if the client closes the connection first.
    """
    body = bytearray()
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= BODY_LIMIT:
            body += chunk
        if not message.get("more_body", False) or size > _DISCARD_LIMIT:
            break
    return _decompressed(bytes(body), headers) if size <= BODY_LIMIT else None


def _decompressed(body: bytes, headers: Headers) -> bytes | None:
    # The Graph SDK for Go compresses every body.
    if not body or headers.get("content-encoding", "").lower() != "gzip":
        return body
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(body, BODY_LIMIT + 1)
    except zlib.error:
        return body
    if len(plain) > BODY_LIMIT:
        return None
    return plain if inflater.eof else body
