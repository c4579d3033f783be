"""The emulator in a process of its own, so that it takes no time from the one that measures."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from multiprocessing import get_context
from multiprocessing.managers import BaseManager
from typing import TYPE_CHECKING

from entra_emulator import Emulator, Fault
from support.emulator_clients import SECRETS, authorized

KINDS = {
    "POST acquireAccessToken": ("POST", "/v1.0/*/acquireAccessToken"),
    "GET secrets": ("GET", "/v1.0/*/secrets"),
    "GET jobs": ("GET", "/v1.0/*/jobs"),
    "PUT secrets": ("PUT", "/v1.0/*/secrets"),
    "token": ("POST", "*/oauth2/v2.0/token"),
}
"""The kinds of requests, by method and path. The rest are "other"."""


@dataclass(frozen=True)
class Post:
    """A call of acquireAccessToken: when it arrived, in seconds, and how it was answered."""

    time: float
    status: int | None
    retry_after: float | None


@dataclass(frozen=True)
class Traffic:
    """What the emulator received: requests by kind, and over how many TCP connections."""

    requests: dict[str, int]
    connections: int


class Emulated:
    """The emulator, for the other process. `throttling` applies Graph's documented limits."""

    def __init__(self, throttling: bool = False) -> None:
        self._emulator = Emulator(throttling=throttling).__enter__()

    def environment(self) -> dict[str, str]:
        """The variables that point a program at the emulator."""
        return self._emulator.environment

    def address(self) -> tuple[str, str]:
        """The URL, and the file of the certificate authority."""
        return self._emulator.url, self._emulator.ca_file

    def service_principals(self, count: int) -> list[str]:
        """The object ids of as many new service principals."""
        tenant = self._emulator.tenant
        applications = [tenant.create_application(f"Application {n}") for n in range(count)]
        return [tenant.create_service_principal(made["appId"])["id"] for made in applications]

    def begin(self, latency: int) -> None:
        """Forget the requests so far, and let each answer to come take `latency` ms."""
        self._emulator.faults.clear()
        if latency:
            self._emulator.faults.add(Fault(delay=latency / 1000, times=sys.maxsize))
        self._emulator.journal.clear()

    def traffic(self) -> Traffic:
        """What has arrived since `begin`."""
        calls = self._emulator.journal.calls
        kinds = Counter(_kind(call.method, call.path) for call in calls)
        return Traffic(dict(kinds), len({call.connection for call in calls}))

    def write(self, count: int) -> None:
        """Send so many writes with the identity of the contenders, one after the other.

        RuntimeError if one is refused.
        """
        body = {"value": [{"key": "BaseAddress", "value": "https://scim.example/v2"}]}
        with authorized(self._emulator) as client:
            for _ in range(count):
                status = client.put(SECRETS, json=body).status_code
                if status != 204:
                    raise RuntimeError(f"a write was answered with {status}")

    def posts(self) -> list[Post]:
        """The calls of acquireAccessToken since `begin`, in the order of their arrival."""
        calls = self._emulator.journal.select(*KINDS["POST acquireAccessToken"])
        posts = [Post(call.time.timestamp(), call.status, call.retry_after) for call in calls]
        return sorted(posts, key=lambda post: post.time)

    def moments(self, path: str) -> tuple[float, float]:
        """When the first call of a path arrived since `begin`, and when the last was answered."""
        calls = self._emulator.journal.select(path=path)
        return calls[0].time.timestamp(), calls[-1].answered.timestamp()

    def close(self) -> None:
        """Stop the emulator."""
        self._emulator.__exit__(None, None, None)


def _kind(method: str, path: str) -> str:
    for kind, (its_method, pattern) in KINDS.items():
        if method == its_method and fnmatchcase(path, pattern):
            return kind
    return "other"


class _Manager(BaseManager):
    if TYPE_CHECKING:
        # register() makes the method; what it returns passes the calls on to the process.
        def Emulated(self, throttling: bool) -> Emulated: ...  # noqa: N802


_Manager.register("Emulated", Emulated)


@contextmanager
def emulated(throttling: bool = False) -> Iterator[Emulated]:
    """An emulator in a process of its own."""
    with _Manager(ctx=get_context("spawn")) as manager:
        emulator = manager.Emulated(throttling)
        try:
            yield emulator
        finally:
            emulator.close()
