"""Every call that reached the emulator, without anything secret.

The rule is to show what is known to be harmless and to mask the rest, not the other way round: a
value in the wrong place (a secret as a key, in a query, in a path) must not be kept either.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import sys
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from .authority import ASSERTION_TYPE
from .secret_keys import SECRET_KEYS
from .tenant import is_guid
from .token_errors import OTHER_GRANTS

MASK = "***"
_CALLS_KEPT = 10_000
_BODIES_KEPT = 16 << 20
"""Bytes of memory of all bodies together."""
_SMALL = 1 << 10
"""Bytes of memory of a body that is kept in any case."""
_TEXT_SHOWN = 2048
"""Characters of a path or of a query option; what is longer is masked."""
_DEPTH_SHOWN = 6

_SEGMENTS = re.compile(
    r"|v1\.0|v2\.0|oauth2|\.well-known|openid-configuration|third-party|\$ref|\$count"
    r"|github-actions|azure-devops"
    r"|[A-Za-z]{1,40}(\.[A-Za-z]{1,40})*"  # a resource, an action, a tenant's domain
    r"|[A-Za-z]+\(appId='[0-9a-fA-F-]{36}'\)"
    r"|[A-Za-z0-9]{1,40}\.[0-9a-f]{32}(\.[0-9a-f-]{36})?"  # a job: template, tenant, instance
)
_QUERIES: dict[str, re.Pattern[str]] = {
    "$count": re.compile(r"true|false"),
    "$expand": re.compile(r"[A-Za-z,]+"),
    "$filter": re.compile(r"(appId|id) eq '[0-9a-fA-F-]{36}'"),
    "$select": re.compile(r"[A-Za-z, ]+"),
    "$skip": re.compile(r"[0-9]+"),
    "$top": re.compile(r"[0-9]+"),
    "api-version": re.compile(r"[0-9.-]+"),
}
_PROPERTIES = frozenset(
    {"@odata.type", "appId", "credentials", "displayName", "key", "templateId", "value"}
)
_KEYS = {key.lower() for key in SECRET_KEYS}
_TYPE = re.compile(r"#?microsoft\.graph\.[A-Za-z]+")
_SCOPE = re.compile(
    r"(?:(?:openid|profile|offline_access) )*https://[A-Za-z0-9.:-]{1,300}/{1,2}\.default"
    r"(?: (?:openid|profile|offline_access))*"
)


@dataclass(frozen=True)
class Call:
    """One call. `time` is when it came, in UTC by the emulator's clock, `answered` when it ended.

    `status` is None where the connection was closed without an answer. `path` and `query` are
    decoded, what could be secret in them masked. `client_id` is the caller's, where the call proved
    it or the token request named it. `fault` says what a scripted fault did. `body` is JSON with
    masked values (an emptied value stays ""), or the harmless part of a form; None where there was
    none, where it could not be read or where it was dropped. `retry_after` are the seconds that the
    answer asked to wait. `authorization_code` recognises the same single-use code in another call
    of this run, and says nothing else about it.
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

    @property
    def was_dropped(self) -> bool:
        """Whether a scripted fault kept the answer, or half of it, from the client."""
        return "drop" in (self.fault or "")

    @property
    def was_served(self) -> bool:
        """Whether the service's own answer reached the client."""
        return not self.was_dropped and "status" not in (self.fault or "")


@dataclass
class _Entry:
    """A call, and the bytes of memory that its body takes."""

    call: Call
    size: int


class Journal:
    """The calls of this run, oldest first; the latest ten thousand are kept.

    Of large bodies the latest 16 MB are kept, as they take them in memory.
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
        """How many bodies are no longer kept, of this run's calls."""
        with self._lock:
            return self._dropped

    def select(self, method: str | None = None, path: str | None = None) -> list[Call]:
        """The calls of a method, and whose path matches a pattern (`fnmatch`)."""
        return [
            call
            for call in self.calls
            if method in (None, call.method) and (path is None or fnmatchcase(call.path, path))
        ]

    def clear(self) -> None:
        """Forgets the calls so far."""
        with self._lock:
            self._entries.clear()
            self._large.clear()
            self._size = self._dropped = 0

    def recognise(self, document: Any) -> str | None:
        """A digest of the authorization code in a body of acquireAccessToken, if it holds one.

        Its key lasts as long as this journal: a code that can be guessed can't be confirmed by it.
        """
        code = _authorization_code(document)
        return code and hmac.new(self._key, code.encode(), hashlib.sha256).hexdigest()

    def record(self, call: Call) -> None:
        """Adds a call whose parts went through `shown_path` and its siblings."""
        entry = _Entry(call, _size_of(call.body))
        with self._lock:
            self._entries.append(entry)
            if entry.size > _SMALL:
                self._large.append(entry)
                self._size += entry.size
            if len(self._entries) > _CALLS_KEPT:
                oldest = self._entries.popleft()
                if self._large and self._large[0] is oldest:
                    self._large.popleft()
                    self._size -= oldest.size
            while self._size > _BODIES_KEPT:
                large = self._large.popleft()
                large.call = replace(large.call, body=None)
                self._size -= large.size
                self._dropped += 1


def _size_of(body: Any) -> int:
    """The bytes of memory that a body takes."""
    size = sys.getsizeof(body)
    if isinstance(body, dict):
        return size + sum(_size_of(name) + _size_of(value) for name, value in body.items())
    if isinstance(body, list):
        return size + sum(map(_size_of, body))
    return size


def _authorization_code(document: Any) -> str | None:
    pairs = document.get("credentials") if isinstance(document, dict) else None
    for pair in pairs if isinstance(pairs, list) else []:
        if isinstance(pair, dict) and pair.get("key") == "Oauth2AuthorizationCode":
            value = pair.get("value")
            return value if isinstance(value, str) and value else None
    return None


def shown_path(path: str) -> str:
    """A decoded path with only the segments that can't be secret."""
    shown = "/".join(
        segment if _SEGMENTS.fullmatch(segment) or is_guid(segment) else MASK
        for segment in path.split("/")
    )
    return shown if len(shown) <= _TEXT_SHOWN else f"/{MASK}"


def shown_query(query: Mapping[str, str]) -> dict[str, str]:
    """A query with only the options and values that can't be secret."""
    return {
        (name if name in _QUERIES else MASK): value
        if name in _QUERIES and len(value) <= _TEXT_SHOWN and _QUERIES[name].fullmatch(value)
        else MASK
        for name, value in query.items()
    }


def shown_form(form: Mapping[str, str]) -> dict[str, str]:
    """A token request without its secret or assertion, wherever the client has put them."""
    harmless = {
        "client_id": is_guid(form.get("client_id", "")),
        "grant_type": form.get("grant_type") in (*OTHER_GRANTS, "client_credentials"),
        "scope": _SCOPE.fullmatch(form.get("scope", "")),
        "client_assertion_type": form.get("client_assertion_type") == ASSERTION_TYPE,
    }
    return {name: form[name] for name, shown in harmless.items() if shown}


def shown_json(document: Any, name: str = "", depth: int = 0) -> Any:
    """A JSON body in which only the names and the values that can't be secret are left."""
    if document is None or document == "":
        return document
    if depth == _DEPTH_SHOWN:
        return MASK
    if isinstance(document, dict):
        return {
            (key if key in _PROPERTIES else MASK): shown_json(value, key, depth + 1)
            for key, value in document.items()
        }
    if isinstance(document, list):
        return [shown_json(item, name, depth + 1) for item in document]
    return document if _is_harmless(name, document) else MASK


def keys_of(body: Any) -> list[str]:
    """The keys of the credentials or secrets in a body of the journal."""
    return [str(pair.get("key")) for pair in pairs_of(body)]


def pairs_of(body: Any) -> list[dict[str, Any]]:
    """The pairs of the credentials or secrets in a body of the journal."""
    items = (body.get("credentials") or body.get("value")) if isinstance(body, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _is_harmless(name: str, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if name == "key":
        return value.lower() in _KEYS
    if name == "@odata.type":
        return _TYPE.fullmatch(value) is not None
    if name == "appId":
        return is_guid(value)
    return name in ("displayName", "templateId")
