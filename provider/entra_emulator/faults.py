"""Scripted faults: what goes wrong, on which call, how often.

emulator.faults.add(Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "1"}))
emulator.faults.add(Fault(path="*/oauth2/v2.0/token", status=503, times=3))
emulator.faults.add(Fault(method="POST", path="*/acquireAccessToken", drop="after", nth=2))

The same fields in a YAML file (`--faults`), a list of them, and as JSON for `/emulator/faults`:

    - {path: "*/acquireAccessToken", status: 429, headers: {Retry-After: 1}}
    - {path: "*/oauth2/v2.0/token", status: 503, times: 3}
    - {method: POST, path: "*/acquireAccessToken", drop: after, nth: 2}
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any, Literal

from . import documents
from .documents import ANY_TEXT, GUID, MAPPING, NUMBER, TEXT, WHOLE
from .tenant import is_guid

Drop = Literal["before", "after", "body"]

USUAL_ERRORS: dict[int, tuple[str, str]] = {
    400: ("Request_BadRequest", "Bad request."),
    401: ("UnknownError", ""),
    403: ("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
    404: ("Request_ResourceNotFound", "Resource does not exist."),
    409: ("Request_ConcurrencyViolation", "The object was changed by another request."),
    429: ("TooManyRequests", "Too many requests."),
    500: ("InternalServerError", "An internal server error has occurred."),
    502: ("BadGateway", "Bad gateway."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable."),
    504: ("GatewayTimeout", "The operation timed out."),
}

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")

_SHAPES = {
    "method": TEXT,
    "path": TEXT,
    "target": GUID,
    "nth": WHOLE,
    "times": WHOLE,
    "status": WHOLE,
    "code": ANY_TEXT,
    "message": ANY_TEXT,
    "headers": MAPPING,
    "body": ANY_TEXT,
    "delay": NUMBER,
    "drop": TEXT,
}


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    `method`, `path` and `target` choose the calls: `*` or an HTTP method, a pattern (`fnmatch`) on
    the URL's path, without the query, and the object id or the appId that the path names. It begins
    with the `nth` such call since it was added and lasts for `times` of them.

    `status` answers in place of the service, which does not act: with Graph's error body (`code`
    and `message`, or the usual ones of that status) or, at the token endpoint, Entra's; with
    `headers`; or with `body`, sent exactly as it is. `delay` waits that many seconds first, and
    needs no other effect. `drop` closes the connection: `before` the service acts, `after` it has
    acted and without an answer, or in the middle of the answer (`body`).
    """

    method: str = "*"
    path: str = "*"
    target: str | None = None
    nth: int = 1
    times: int = 1
    status: int | None = None
    code: str | None = None
    message: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | bytes | None = None
    delay: float = 0
    drop: Drop | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\*|[A-Z]+", self.method):
            raise ValueError('method of a fault is "*" or an HTTP method in capitals')
        if self.target is not None and not is_guid(self.target):
            raise ValueError("target of a fault is an object id or an appId, a GUID")
        if self.nth < 1 or self.times < 1:
            raise ValueError("nth and times of a fault count from 1")
        if not (self.delay >= 0 and math.isfinite(self.delay)):
            raise ValueError("delay of a fault is a number of seconds")
        if self.drop not in (None, "before", "after", "body"):
            raise ValueError('drop of a fault is "before", "after" or "body"')
        if self.status is None and not self.drop and not self.delay:
            raise ValueError("a fault needs a status, a drop or a delay")
        if self.status is None and (
            self.headers or (self.code, self.message, self.body) != (None,) * 3
        ):
            raise ValueError("code, message, headers and body of a fault need its status")
        if self.status is not None and self.drop in ("before", "after"):
            raise ValueError(
                'a fault with a status has an answer: of the drops, only "body" goes with it'
            )
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError("status of a fault is an answer's, from 200 to 599")
        if self.status in (204, 304) and (self.code, self.message, self.body) != (None,) * 3:
            raise ValueError(
                f"an answer with status {self.status} has no body: code, message and body of a"
                " fault don't go with it"
            )
        if self.body is not None and (self.code, self.message) != (None, None):
            raise ValueError("body of a fault is sent as it is: code and message don't go with it")
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ValueError(f"headers of a fault: {name!r} can't be sent")

    def matches(self, method: str, path: str) -> bool:
        """Whether the fault is about such calls."""
        return (
            self.method in ("*", method)
            and fnmatchcase(path, self.path)
            and (self.target is None or _names(path, self.target))
        )

    @property
    def summary(self) -> str:
        """The fault in a word or two, without the texts that it carries, e.g.

        `status 429`, `delay 2 s, drop after`.
        """
        parts = [
            f"delay {self.delay:g} s" if self.delay else "",
            f"status {self.status}" if self.status is not None else "",
            f"drop {self.drop}" if self.drop else "",
        ]
        return ", ".join(part for part in parts if part)


def _names(path: str, target: str) -> bool:
    """Whether a segment of the path is the target, or its entity by `(appId='…')`."""
    target = target.lower()
    return any(
        segment == target or segment.endswith(f"(appid='{target}')")
        for segment in path.lower().split("/")
    )


def read_faults(document: Any, source: str) -> list[Fault]:
    """The faults of a document: one mapping of a fault's fields, or a list of them.

    ValueError says what is wrong with which of them; `source` names the document.
    """
    items = document if isinstance(document, list) else [document]
    return [_read(item, f"{source}: fault {n}") for n, item in enumerate(items, 1)]


def _read(item: Any, place: str) -> Fault:
    given = dict(documents.fields(item, place, _SHAPES))
    if "headers" in given:
        # YAML reads the value of `Retry-After: 1` as a number.
        given["headers"] = {str(name): str(text) for name, text in given["headers"].items()}
    try:
        return Fault(**given)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def to_document(fault: Fault) -> dict[str, Any]:
    """The fault's fields for a document, without those that were not given."""
    given: dict[str, Any] = {name: getattr(fault, name) for name in _SHAPES}
    if isinstance(fault.body, bytes):
        given["body"] = fault.body.decode("utf-8", "replace")
    given["headers"] = dict(fault.headers) or MISSING
    unset = {item.name: item.default for item in fields(Fault)}
    return {name: value for name, value in given.items() if value != unset[name]}


@dataclass
class _Script:
    fault: Fault
    seen: int = 0
    applied: int = 0


class Faults:
    """The faults that are still to come. Any thread may add, clear and take."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scripts: list[_Script] = []

    def add(self, *faults: Fault) -> None:
        """Scripts these, after those that are there."""
        with self._lock:
            self._scripts.extend(_Script(fault) for fault in faults)

    def clear(self) -> None:
        """Forgets all of them."""
        with self._lock:
            self._scripts.clear()

    @property
    def pending(self) -> list[Fault]:
        """Faults that have not been applied as often as they should."""
        with self._lock:
            return [script.fault for script in self._scripts]

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this call, which counts as applied.

        Of several that are due, the one that was added first.
        """
        with self._lock:
            due = None
            for script in self._scripts:
                if script.fault.matches(method, path):
                    script.seen += 1
                    if due is None and script.seen >= script.fault.nth:
                        due = script
            if due is None:
                return None
            due.applied += 1
            if due.applied == due.fault.times:
                self._scripts.remove(due)
            return due.fault
