"""How much of an answer is read, and how it is decoded: no answer fills the memory."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

LIMIT: Final = 4 << 20
"""Bytes of an answer, as they are sent and as they are decoded."""

_GZIP: Final = b"\x1f\x8b"


class UnusableAnswerError(Exception):
    """An answer whose body is too large, cannot be decoded or is not what the service documents.

    `status` is its HTTP status, `url` the URL that gave it, if that is known.
    """

    def __init__(self, status: int, problem: str, url: str = "") -> None:
        self.status = status
        self.url = url
        super().__init__(problem)


def decoded(body: bytes, headers: Mapping[str, str], status: int) -> bytes:
    """The body of an answer without its Content-Encoding, of which there may be several."""
    encodings = headers.get("Content-Encoding", "").lower().split(",")
    try:
        for encoding in reversed([encoding.strip() for encoding in encodings]):
            if len(body) > LIMIT:
                break
            if encoding in ("gzip", "x-gzip", "deflate"):
                body = _inflated(body)
            elif encoding not in ("", "identity"):
                raise UnusableAnswerError(status, "the answer has an unknown Content-Encoding")
    except zlib.error:
        raise UnusableAnswerError(
            status, "the answer does not match its Content-Encoding"
        ) from None
    if len(body) > LIMIT:
        raise UnusableAnswerError(status, f"the answer is larger than {LIMIT >> 20} MiB")
    return body


def _inflated(body: bytes) -> bytes:
    """`body` without gzip or deflate, cut just over the limit."""
    inflated = bytearray()
    # 47 is gzip or zlib. Some take deflate for what is in them, without their head:
    # https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.2
    wbits = 47 if body.startswith((_GZIP, b"\x78")) else -15
    while body and len(inflated) <= LIMIT:
        part = zlib.decompressobj(wbits)
        inflated += part.decompress(body, LIMIT + 1 - len(inflated))
        if not part.eof and len(inflated) <= LIMIT:
            raise zlib.error("cut")
        body = part.unused_data if part.unused_data.startswith(_GZIP) else b""
    return bytes(inflated)
