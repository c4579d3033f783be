"""One exchange over HTTP: its ids, its limits, its scripted fault, its entry in the journal.

`Exchanges` stands between the server and the routes. It answers every request itself in the end, so
that nothing (a crash, a body too large) is answered in another shape than the service's. In order:
the names that it is asked under, the emulator's own pages, the scripted fault, the body's size,
throttling, replication, the routes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import traceback
import uuid
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.client import responses
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .clock import Clock
from .faults import USUAL_ERRORS, Fault, Faults
from .graph_errors import GraphError, bad_request
from .journal import Call, Journal, shown_form, shown_json, shown_path, shown_query
from .names import Names
from .replication import Replication
from .tenant import is_guid
from .throttling import Throttling
from .token_errors import TokenError

if TYPE_CHECKING:
    from .control import Control

BODY_LIMIT = 1 << 20
"""Bytes of a request's body, sent or decoded, that are read; more is answered with 413."""

# A body that is too large is taken in and thrown away up to here: a client that is still sending
# reads no answer.
_DISCARD_LIMIT = 16 << 20

# ODataMessageQuotas.MaxNestingDepth: https://learn.microsoft.com/dotnet/api/microsoft.odata.odatamessagequotas
_DEPTH_LIMIT = 100

_USER_AGENT_SHOWN = 512

TRANSPORT = "emulator.transport"
"""Name of the ASGI extension under which the server hands over the connection's transport."""

GRAPH_JSON = (
    "application/json; odata.metadata=minimal; odata.streaming=true;"
    " IEEE754Compatible=false; charset=utf-8"
)
_DIAGNOSTIC = json.dumps(
    {
        "ServerInfo": {
            "DataCenter": "Emulator",
            "Slice": "E",
            "Ring": "0",
            "ScaleUnit": "000",
            "RoleInstance": "EMULATOR",
        }
    },
    separators=(",", ":"),
)

# With one segment before it: an id within a path of Graph's may well end in the same way.
_TOKEN_PATH = re.compile(
    r"/[^/]+/(oauth2/v2\.0/token|v2\.0/\.well-known/openid-configuration"
    r"|discovery/(v2\.0/keys|instance))"
)

_log = logging.getLogger(__name__)


class _Malformed:
    """In place of a body that is no JSON."""


@dataclass
class Answer:
    """Status, headers and body of an HTTP answer. A 204 has no body and no content type."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    """By names in lower case."""
    body: bytes = b""

    @classmethod
    def json(
        cls, status: int, document: Any, content_type: str, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """An answer whose body is a JSON document."""
        body = json.dumps(document, separators=(",", ":")).encode()
        return cls(status, {"content-type": content_type, **_lower(headers or {})}, body)


@dataclass
class Exchange:
    """A request with what the answer and the journal need to know of it."""

    method: str
    path: str
    query: dict[str, str]
    headers: Headers
    body: bytes | None
    """None if it was larger than `BODY_LIMIT`."""
    time: datetime
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    client_id: str | None = None
    """The caller's, where its token proved it or its token request names it."""
    answer_headers: dict[str, str] = field(default_factory=dict)
    """What the answer carries whoever gives it, by names in lower case."""

    def __post_init__(self) -> None:
        self.form: dict[str, str] | None = None
        self._document: Any = None
        content_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        self.is_json = content_type == "application/json"
        if not self.body:
            return
        if content_type == "application/x-www-form-urlencoded":
            self.form = _form(self.body)
        else:
            self._document = _json(self.body)

    @property
    def client_request_id(self) -> str | None:
        """The id that the client gave the request."""
        # Graph asks for a GUID here. Anything else is not taken over: it would stand in the journal
        # and in answers.
        sent = self.headers.get("client-request-id", "")
        return sent if is_guid(sent) else None

    @property
    def is_token_request(self) -> bool:
        """Whether it goes to Entra's token endpoint or its metadata, not to Graph."""
        return _TOKEN_PATH.fullmatch(self.path) is not None

    def document(self) -> Any:
        """The JSON that was sent."""
        if self.body and not self.is_json:
            raise bad_request("Entity only allows writes with a JSON Content-Type header.")
        if not self.body or self._document is _Malformed:
            raise GraphError(
                400,
                "BadRequest",
                "Unable to read JSON request payload. Please ensure Content-Type header is set and"
                " payload is of valid JSON format.",
            )
        return self._document

    def refuse(self, error: GraphError | TokenError, url: str = "") -> Answer:
        """The error's answer, in the shape of the service that it comes from."""
        client_request_id = self.client_request_id or self.request_id
        if isinstance(error, TokenError):
            body = error.body(
                date=self.time,
                trace_id=self.request_id,
                correlation_id=client_request_id,
                url=url,
            )
            return Answer.json(error.status, body, "application/json; charset=utf-8")
        body = error.body(
            date=self.time, request_id=self.request_id, client_request_id=client_request_id
        )
        return Answer.json(error.status, body, GRAPH_JSON, error.headers)

    def call(
        self, answer: Answer | None, fault: Fault | None, journal: Journal, now: datetime
    ) -> Call:
        """The journal's entry; `answer` is None where the connection was closed without one."""
        body = None
        if self.form is not None:
            body = shown_form(self.form)
        elif self._document is not _Malformed:
            body = shown_json(self._document)
        return Call(
            time=self.time,
            method=self.method,
            path=shown_path(self.path),
            query=shown_query(self.query),
            status=answer.status if answer else None,
            request_id=self.request_id,
            client_request_id=self.client_request_id,
            user_agent=self.headers.get("user-agent", "")[:_USER_AGENT_SHOWN] or None,
            client_id=self.client_id,
            fault=fault.summary if fault else None,
            body=body,
            answered=now,
            retry_after=_retry_after(answer, now) if answer else None,
            authorization_code=(
                journal.recognise(self._document)
                if self.path.endswith("acquireAccessToken")
                else None
            ),
        )


def _retry_after(answer: Answer, now: datetime) -> float | None:
    """The seconds of an answer's Retry-After, which is a number of them or a date."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds()) if text else None
    except (ValueError, TypeError):
        return None


def _form(body: bytes) -> dict[str, str] | None:
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, strict_parsing=True, max_num_fields=64
        )
    except ValueError:
        return None
    form = dict(pairs)
    return form if len(form) == len(pairs) else None


def _json(body: bytes) -> Any:
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
        if b"\\u" in body:
            # Half a surrogate pair is JSON but not text: it can't be written anywhere.
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return _Malformed
    return _Malformed if isinstance(document, dict | list) and _is_too_deep(document) else document


def _is_too_deep(document: dict[str, Any] | list[Any]) -> bool:
    """Whether it is nested deeper than Graph's OData library reads, and than can be written."""
    level: list[Any] = [document]
    for _ in range(_DEPTH_LIMIT):
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class Exchanges:
    """The ASGI application that the server runs; `routes` knows what the paths mean.

    `pages` are the emulator's own; `identify` gives the client id that an Authorization header
    proves, if it does.
    """

    def __init__(
        self,
        routes: ASGIApp,
        pages: Control,
        *,
        journal: Journal,
        faults: Faults,
        clock: Clock,
        identify: Callable[[str | None], str | None],
        replication: Replication,
        throttling: Throttling | None,
        names: Names,
        url: str,
    ) -> None:
        self._routes = routes
        self._pages = pages
        self._journal = journal
        self._faults = faults
        self._clock = clock
        self._identify = identify
        self._replication = replication
        self._throttling = throttling
        self._names = names
        self._url = url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            body = await _read(receive)
        except ClientDisconnect:
            return
        headers = Headers(scope=scope)
        exchange = Exchange(
            method=scope["method"],
            path=scope["path"],
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            headers=headers,
            body=_decoded(body, headers),
            time=self._clock.now(),
        )
        try:
            self._names.check(headers)
        except GraphError as error:
            await _send(exchange.refuse(error), send)
            return
        if self._pages.owns(exchange.path):
            await _send(self._own_page(exchange), send)
            return
        exchange.client_id = self._client_id(exchange)
        fault = self._faults.take(exchange.method, exchange.path)
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        answer = await self._answer(exchange, fault, scope)
        drop = fault.drop if fault else None
        seen = None if drop in ("before", "after") else answer
        self._journal.record(exchange.call(seen, fault, self._journal, self._clock.now()))
        if drop is None:
            await _send(answer, send)
        else:
            await _drop(scope, receive, _first_half(seen) if seen else b"")

    def _own_page(self, exchange: Exchange) -> Answer:
        try:
            return self._pages.answer(exchange)
        except Exception as error:
            _log_crash(error)
            return Answer(500)

    def _client_id(self, exchange: Exchange) -> str | None:
        if exchange.is_token_request:
            named = (exchange.form or {}).get("client_id", "")
            return named if is_guid(named) else None
        return self._identify(exchange.headers.get("authorization"))

    async def _answer(self, exchange: Exchange, fault: Fault | None, scope: Scope) -> Answer:
        if fault and fault.drop == "before":
            return Answer(204)
        if fault and fault.status is not None:
            answer = self._scripted(exchange, fault, fault.status)
        elif exchange.body is None:
            error = GraphError(
                413, "RequestEntityTooLarge", f"The body is larger than {BODY_LIMIT} bytes."
            )
            answer = exchange.refuse(error)
        else:
            answer = await self._served(exchange, scope)
        answer.headers = {**_usual_headers(exchange), **exchange.answer_headers, **answer.headers}
        return answer

    async def _served(self, exchange: Exchange, scope: Scope) -> Answer:
        try:
            if self._throttling:
                self._throttling.count(exchange)
            self._replication.check(exchange)
            answer = await _ask(self._routes, {**scope, "emulator.exchange": exchange})
            self._replication.filter(exchange, answer)
            return answer
        except (GraphError, TokenError) as error:
            return exchange.refuse(error, self._url)
        except Exception as error:
            _log_crash(error)
            code, message = USUAL_ERRORS[500]
            return exchange.refuse(GraphError(500, code, message))

    def _scripted(self, exchange: Exchange, fault: Fault, status: int) -> Answer:
        if fault.body is not None:
            body = fault.body.encode() if isinstance(fault.body, str) else fault.body
            kind = "text/html" if body.lstrip().startswith(b"<") else "application/json"
            return Answer(status, {"content-type": kind, **_lower(fault.headers)}, body)
        if status < 400:
            return Answer(status, _lower(fault.headers))
        usual_code, usual_message = USUAL_ERRORS.get(status, ("UnknownError", ""))
        message = usual_message if fault.message is None else fault.message
        if exchange.is_token_request:
            error = fault.code or "temporarily_unavailable"
            answer = exchange.refuse(TokenError(status, error, 90033, message), self._url)
        else:
            answer = exchange.refuse(GraphError(status, fault.code or usual_code, message))
        answer.headers |= _lower(fault.headers)
        return answer


def _log_crash(error: Exception) -> None:
    # The error's own words may quote what was sent; the places in the code do not.
    places = "".join(traceback.format_tb(error.__traceback__))
    _log.error("%s in the emulator:\n%s", type(error).__name__, places)


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None if it is larger than the limit."""
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
            return bytes(body) if size <= BODY_LIMIT else None


def _decoded(body: bytes | None, headers: Headers) -> bytes | None:
    """The body out of its gzip, or None if that is larger than the limit."""
    # The Graph SDK for Go sends every body compressed.
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


async def _ask(routes: ASGIApp, scope: Scope) -> Answer:
    """What the routes answer, kept back until it is complete."""
    answer = Answer(500)

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    await routes(scope, _nothing_more, keep)
    return answer


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _usual_headers(exchange: Exchange) -> dict[str, str]:
    sent = exchange.client_request_id
    if exchange.is_token_request:
        headers = {"x-ms-request-id": exchange.request_id, "cache-control": "no-store, no-cache"}
        return headers | ({"client-request-id": sent} if sent else {})
    return {
        "request-id": exchange.request_id,
        "client-request-id": sent or exchange.request_id,
        "x-ms-ags-diagnostic": _DIAGNOSTIC,
        "cache-control": "no-cache",
    }


def _raw_headers(answer: Answer) -> list[tuple[bytes, bytes]]:
    headers = dict(answer.headers)
    if answer.status != 204:
        headers["content-length"] = str(len(answer.body))
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _send(answer: Answer, send: Send) -> None:
    await send(
        {"type": "http.response.start", "status": answer.status, "headers": _raw_headers(answer)}
    )
    await send({"type": "http.response.body", "body": answer.body})


def _first_half(answer: Answer) -> bytes:
    """The answer on the wire, cut in the middle of its body, or of its headers if it has none."""
    lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}".encode()]
    lines += [name + b": " + value for name, value in _raw_headers(answer)]
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    if not answer.body:
        return head[: len(head) // 2]
    return head + answer.body[: len(answer.body) // 2]


async def _drop(scope: Scope, receive: Receive, first: bytes) -> None:
    transport: asyncio.Transport = scope["extensions"][TRANSPORT]
    if first:
        transport.write(first)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
