"""Scripted faults: what goes wrong, on which calls, and how often.

emulator.faults.add(Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "1"}))
emulator.faults.add(Fault(path="*/oauth2/v2.0/token", status=503, times=3))
emulator.faults.add(Fault(method="POST", path="*/acquireAccessToken", drop="after", nth=2))

The same fields work in a YAML file (`--faults`) and as JSON for `/emulator/faults`:

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

from ..formats import is_guid
from ..input.shapes import ANY_TEXT, GUID, MAPPING, NUMBER, TEXT, WHOLE, checked_fields

Drop = Literal["before", "after", "body"]

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

    `method`, `path` and `target` select the calls: an HTTP method or `*`, a pattern (`fnmatch`) for
    the URL's path without the query, and an object id or appId in the path. The fault starts with
    the `nth` such call after it was added, and applies to `times` of them.

    `status` answers instead of the service, which does nothing. The body is Graph's error, or
    Entra's at the token endpoint, with `code` and `message` or the usual ones of the status; or it
    is `body`, sent as it is. `headers` are added. `delay` waits this many seconds first, with or
    without another effect. `drop` closes the connection: `before` the service acts, `after` it has
    acted, or in the middle of the answer (`body`).
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
            raise ValueError(
                'the method of a fault must be "*" or an HTTP method in capital letters'
            )
        if self.target is not None and not is_guid(self.target):
            raise ValueError("the target of a fault must be an object id or an appId (a GUID)")
        if self.nth < 1 or self.times < 1:
            raise ValueError("nth and times of a fault must be at least 1")
        if not (self.delay >= 0 and math.isfinite(self.delay)):
            raise ValueError("the delay of a fault must be a number of seconds")
        if self.drop not in (None, "before", "after", "body"):
            raise ValueError('the drop of a fault must be "before", "after" or "body"')
        if self.status is None and not self.drop and not self.delay:
            raise ValueError("a fault requires a status, a drop or a delay")
        if self.status is None and (
            self.headers or (self.code, self.message, self.body) != (None,) * 3
        ):
            raise ValueError("code, message, headers and body of a fault require a status")
        if self.status is not None and self.drop in ("before", "after"):
            raise ValueError('a fault with a status sends an answer: its drop can only be "body"')
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError("the status of a fault must be between 200 and 599")
        if self.status in (204, 304) and (self.code, self.message, self.body) != (None,) * 3:
            raise ValueError(
                f"an answer with status {self.status} has no body: remove code, message and body"
                " from the fault"
            )
        if self.body is not None and (self.code, self.message) != (None, None):
            raise ValueError("the body of a fault is sent as it is: remove code and message")
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ValueError(f"headers of a fault: HTTP cannot send {name!r}")

    def matches(self, method: str, path: str) -> bool:
        """Whether the fault applies to such calls."""
        return (
            self.method in ("*", method)
            and fnmatchcase(path, self.path)
            and (self.target is None or _has_segment_of(path, self.target))
        )

    @property
    def summary(self) -> str:
        """The effects of the fault, without its texts: `status 429`, `delay 2 s, drop after`."""
        parts = [
            f"delay {self.delay:g} s" if self.delay else "",
            f"status {self.status}" if self.status is not None else "",
            f"drop {self.drop}" if self.drop else "",
        ]
        return ", ".join(part for part in parts if part)


def _has_segment_of(path: str, target: str) -> bool:
    """Whether a segment of the path is the target, or selects it with `(appId='…')`."""
    target = target.lower()
    return any(
        segment == target or segment.endswith(f"(appid='{target}')")
        for segment in path.lower().split("/")
    )


def read_faults(content: Any, source: str) -> list[Fault]:
    """The faults in the content of a file or a body: one mapping of fields, or a list of them.

    ValueError says which fault is wrong, and why; `source` is the name of the file.
    """
    items = content if isinstance(content, list) else [content]
    return [_read_fault(item, f"{source}: fault {n}") for n, item in enumerate(items, 1)]


def _read_fault(item: Any, place: str) -> Fault:
    given = dict(checked_fields(item, place, _SHAPES))
    if "headers" in given:
        # YAML parses the value of `Retry-After: 1` as a number.
        given["headers"] = {str(name): str(text) for name, text in given["headers"].items()}
    try:
        return Fault(**given)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def fault_fields(fault: Fault) -> dict[str, Any]:
    """The fields of the fault that differ from their defaults, as JSON."""
    given: dict[str, Any] = {name: getattr(fault, name) for name in _SHAPES}
    if isinstance(fault.body, bytes):
        given["body"] = fault.body.decode("utf-8", "replace")
    given["headers"] = dict(fault.headers) or MISSING
    unset = {item.name: item.default for item in fields(Fault)}
    return {name: value for name, value in given.items() if value != unset[name]}


@dataclass
class _Script:
    fault: Fault
    matched: int = 0
    applied: int = 0


class Faults:
    """The faults that are still to come. Any thread can use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scripts: list[_Script] = []

    def add(self, *faults: Fault) -> None:
        """Adds faults after the existing ones."""
        with self._lock:
            self._scripts.extend(_Script(fault) for fault in faults)

    def clear(self) -> None:
        """Removes all of them."""
        with self._lock:
            self._scripts.clear()

    @property
    def pending(self) -> list[Fault]:
        """The faults that still apply to calls to come."""
        with self._lock:
            return [script.fault for script in self._scripts]

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this call, and counts it as applied.

        If several match, it is the one that was added first.
        """
        with self._lock:
            due = None
            for script in self._scripts:
                if script.fault.matches(method, path):
                    script.matched += 1
                    if due is None and script.matched >= script.fault.nth:
                        due = script
            if due is None:
                return None
            due.applied += 1
            if due.applied == due.fault.times:
                self._scripts.remove(due)
            return due.fault
