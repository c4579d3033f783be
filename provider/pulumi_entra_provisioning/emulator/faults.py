"""Scripted faults: what goes wrong, on which call, how often.

emulator.faults.add(Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "1"}))
emulator.faults.add(Fault(path="*/oauth2/v2.0/token", status=503, times=3))
emulator.faults.add(Fault(method="POST", path="*/acquireAccessToken", drop="after", nth=2))
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

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


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    `method` and `path` choose the calls: `*` or an HTTP method, and a pattern (`fnmatch`) on the
    URL's path, without the query. It begins with the `nth` such call since it was added and lasts
    for `times` of them.

    `status` answers in place of the service, which does not act: with Graph's error body (`code`
    and `message`, or the usual ones of that status) or, at the token endpoint, Entra's; with
    `headers`; or with `body`, sent exactly as it is. `delay` waits that many seconds first, and
    needs no other effect. `drop` closes the connection: `before` the service acts, `after` it has
    acted and without an answer, or in the middle of the answer (`body`).
    """

    method: str = "*"
    path: str = "*"
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
        if self.nth < 1 or self.times < 1:
            raise ValueError("nth and times of a fault count from 1")
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

    def matches(self, method: str, path: str) -> bool:
        """Whether the fault is about such calls."""
        return self.method in ("*", method) and fnmatchcase(path, self.path)

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
