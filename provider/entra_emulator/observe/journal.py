"""Every call that reached the emulator, masked."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sys
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from typing import Any

from starlette.responses import Response

from ..disturb.faults import Fault
from ..http.exchange import Exchange
from .masking import mask_form, mask_json, mask_path, mask_query

_MAX_CALLS = 10_000
_MAX_BODIES = 16 << 20
"""Bytes of memory of all large bodies together."""
_SMALL_BODY = 1 << 10
"""Bytes of memory up to which the journal always keeps a body."""
_MAX_USER_AGENT = 512


@dataclass(frozen=True)
class Call:
    """One call. `time` is its arrival, `answered` its end, in UTC by the emulator's clock.

    `status` is None if the connection was closed without an answer. `path` and `query` are decoded
    and masked. `client_id` is the caller's, if its token proves it or its token request names it.
    `fault` is the effect of a scripted fault. `body` is masked JSON (an emptied value stays ""), or
    the harmless fields of a form; None if there was none, if it could not be read, or if the
    journal has dropped it. `retry_after` is the answer's Retry-After in seconds.
    `authorization_code` is the same for the same single-use code in another call of this run, and
    reveals nothing else about it. `connection` is the client's end of the TCP connection.
    """

    time: datetime
    method: str
    path: str
    query: Mapping[str, str]
    status: int | None
    request_id: str
    client_request_id: str | None
    user_agent: str | None
    client_id: str | None
    fault: str | None
    body: Any
    answered: datetime
    retry_after: float | None = None
    authorization_code: str | None = None
    connection: tuple[str, int] | None = None

    @property
    def was_dropped(self) -> bool:
        """Whether a scripted fault closed the connection before the end of the answer."""
        return "drop" in (self.fault or "")

    @property
    def was_served(self) -> bool:
        """Whether the client received the service's own answer."""
        return not self.was_dropped and "status" not in (self.fault or "")


@dataclass
class _Entry:
    """A call, and the bytes of memory that its body uses."""

    call: Call
    size: int


class Journal:
    """The calls of this run, oldest first, up to the last ten thousand.

    The large bodies among them use up to 16 MB of memory; the journal drops the oldest first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[_Entry] = deque()
        self._large: deque[_Entry] = deque()
        self._size = 0
        self._dropped = 0
        self._key = secrets.token_bytes(32)

    @property
    def calls(self) -> list[Call]:
        """The calls so far."""
        with self._lock:
            return [entry.call for entry in self._entries]

    @property
    def bodies_dropped(self) -> int:
        """How many bodies the journal has dropped."""
        with self._lock:
            return self._dropped

    def select(self, method: str | None = None, path: str | None = None) -> list[Call]:
        """The calls with this method, and with a path that matches a pattern (`fnmatch`)."""
        return [
            call
            for call in self.calls
            if method in (None, call.method) and (path is None or fnmatchcase(call.path, path))
        ]

    def clear(self) -> None:
        """Removes the calls so far."""
        with self._lock:
            self._entries.clear()
            self._large.clear()
            self._size = self._dropped = 0

    def record(
        self,
        exchange: Exchange,
        response: Response | None,
        fault: Fault | None,
        answered: datetime,
    ) -> None:
        """Adds a call; `response` is None if the connection was closed without one."""
        is_acquire = exchange.path.endswith("acquireAccessToken")
        call = Call(
            time=exchange.time,
            method=exchange.method,
            path=mask_path(exchange.path),
            query=mask_query(exchange.query),
            status=response.status_code if response else None,
            request_id=exchange.request_id,
            client_request_id=exchange.client_request_id,
            user_agent=exchange.headers.get("user-agent", "")[:_MAX_USER_AGENT] or None,
            client_id=exchange.client_id,
            fault=fault.summary if fault else None,
            body=_masked_body(exchange),
            answered=answered,
            retry_after=_retry_after(response, answered) if response else None,
            authorization_code=self._code_digest(exchange.any_json) if is_acquire else None,
            connection=exchange.connection,
        )
        self._append(call)

    def _code_digest(self, body: Any) -> str | None:
        """A digest of the authorization code in a body of acquireAccessToken.

        The key is random and lasts as long as the journal, so nobody can confirm a guessed code.
        """
        code = _authorization_code(body)
        return code and hmac.new(self._key, code.encode(), hashlib.sha256).hexdigest()

    def _append(self, call: Call) -> None:
        entry = _Entry(call, _size_of(call.body))
        with self._lock:
            self._entries.append(entry)
            if entry.size > _SMALL_BODY:
                self._large.append(entry)
                self._size += entry.size
            if len(self._entries) > _MAX_CALLS:
                oldest = self._entries.popleft()
                if self._large and self._large[0] is oldest:
                    self._large.popleft()
                    self._size -= oldest.size
            while self._size > _MAX_BODIES:
                large = self._large.popleft()
                large.call = replace(large.call, body=None)
                self._size -= large.size
                self._dropped += 1


def _masked_body(exchange: Exchange) -> Any:
    if exchange.form is not None:
        return mask_form(exchange.form)
    return mask_json(exchange.any_json)


def _retry_after(response: Response, now: datetime) -> float | None:
    """The seconds in a Retry-After header, which is a number or a date."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds()) if text else None
    except (ValueError, TypeError):
        return None


def _size_of(body: Any) -> int:
    """The bytes of memory that a body uses."""
    size = sys.getsizeof(body)
    if isinstance(body, dict):
        return size + sum(_size_of(name) + _size_of(value) for name, value in body.items())
    if isinstance(body, list):
        return size + sum(map(_size_of, body))
    return size


def _authorization_code(body: Any) -> str | None:
    pairs = body.get("credentials") if isinstance(body, dict) else None
    for pair in pairs if isinstance(pairs, list) else []:
        if isinstance(pair, dict) and pair.get("key") == "Oauth2AuthorizationCode":
            value = pair.get("value")
            return value if isinstance(value, str) and value else None
    return None


def keys_of(body: Any) -> list[str]:
    """The keys of the credentials or secrets in a call's body."""
    return [str(pair.get("key")) for pair in pairs_of(body)]


def pairs_of(body: Any) -> list[dict[str, Any]]:
    """The pairs of the credentials or secrets in a call's body."""
    items = (body.get("credentials") or body.get("value")) if isinstance(body, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
