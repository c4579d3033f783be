"""One request as a value: what the client sent, when, and the ids that its answer carries."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.types import Scope

from ..formats import is_guid
from .errors import ContentTypeError, MalformedJsonError

# ODataMessageQuotas.MaxNestingDepth: https://learn.microsoft.com/dotnet/api/microsoft.odata.odatamessagequotas
_MAX_DEPTH = 100
_MAX_FIELDS = 64
_FORM = "application/x-www-form-urlencoded"
_MALFORMED = object()


@dataclass(frozen=True)
class Exchange:
    """A request with its ids. Everything else is derived from it.

    `body` is None if it exceeds the limit of `read_body`. `client_id` is the caller's, if its token
    proves it or its token request names it. `connection` is the client's end of the TCP connection.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: Headers
    body: bytes | None
    time: datetime
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    client_id: str | None = None
    connection: tuple[str, int] | None = None

    @classmethod
    def from_scope(cls, scope: Scope, body: bytes | None, time: datetime) -> Exchange:
        """The request of an ASGI scope."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return cls(
            method=scope["method"],
            path=scope["path"],
            query=dict(query),
            headers=Headers(scope=scope),
            body=body,
            time=time,
            connection=scope.get("client"),
        )

    @property
    def client_request_id(self) -> str | None:
        """The client's own id of the request, if it is a GUID, as Graph requires."""
        # Other text is dropped: it would appear in the journal and in answers.
        sent = self.headers.get("client-request-id", "")
        return sent if is_guid(sent) else None

    @cached_property
    def form(self) -> dict[str, str] | None:
        """The fields of a form; None if the body is not a form or repeats a field."""
        if not self.body or self._content_type != _FORM:
            return None
        try:
            text = self.body.decode("utf-8")
            pairs = parse_qsl(
                text, keep_blank_values=True, strict_parsing=True, max_num_fields=_MAX_FIELDS
            )
        except ValueError:
            return None
        fields = dict(pairs)
        return fields if len(fields) == len(pairs) else None

    def json(self) -> Any:
        """The JSON value of the body.

        ContentTypeError if the body claims to be something else, MalformedJsonError if it is
        missing or cannot be read.
        """
        if self.body and self._content_type != "application/json":
            raise ContentTypeError
        if not self.body or self._parsed is _MALFORMED:
            raise MalformedJsonError
        return self._parsed

    @property
    def any_json(self) -> Any:
        """The JSON value of the body, whatever its content type; None if it has none."""
        if not self.body or self._content_type == _FORM or self._parsed is _MALFORMED:
            return None
        return self._parsed

    @property
    def _content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @cached_property
    def _parsed(self) -> Any:
        body = self.body or b""
        try:
            value = json.loads(body, parse_constant=_refuse_constant)
            if b"\\u" in body:
                # Half of a surrogate pair is valid JSON, but no encoding can write it.
                json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            return _MALFORMED
        return _MALFORMED if _is_too_deep(value) else value


def _is_too_deep(value: Any) -> bool:
    """Whether it is nested deeper than Graph's OData library reads, and than Python can write."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(_MAX_DEPTH):
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
    return bool(level)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
