"""The Pulumi engine, as the plugin process that it started sees it."""

from __future__ import annotations

import atexit
import contextlib
import contextvars
import functools
import gc
import os
import sys
import threading
import time
from concurrent.futures import Future
from typing import Any, Final

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from . import call as engine_call

_WATCH: Final = "/grpc.health.v1.Health/Watch"
"""A call that lasts as long as the engine: https://grpc.io/docs/guides/health-checking."""

# Without it, gRPC would ask the proxy of `https_proxy` for this machine's own port.
_OPTIONS: Final = [("grpc.enable_http_proxy", 0)]

_LOG_TIMEOUT: Final = 5.0


@functools.cache
def end_with_the_engine() -> None:
    """End this process quickly, and as soon as the engine that started it is gone.

    The engine stops its plugins itself unless it is killed. Its plugin process would then go on
    calling Graph for a run that nobody records. Does nothing in any other process.
    """
    started_as = getattr(sys.modules["__main__"], "__spec__", None)
    if started_as and started_as.name == "pulumi.dynamic.__main__":
        # The last argument of every plugin is the address of its engine.
        end_with_the_engine_at(sys.argv[-1])
        # Python would look for garbage among all modules, for 0.1 s in which the engine waits.
        atexit.register(gc.freeze)


def end_with_the_engine_at(address: str) -> None:
    """End this process as soon as the engine that listens at `address` is gone."""
    threading.Thread(target=_watch, args=[address], daemon=True).start()


current_urn: Final = contextvars.ContextVar("current_urn", default="")
"""The URN of the resource that the current step is for: of a task, and of the tasks it starts."""


class EngineLog:
    """The log of the engine at `address`. A line of a step stands under its resource."""

    def __init__(self, address: str) -> None:
        channel = grpc.insecure_channel(address, _OPTIONS)
        self._engine = engine_pb2_grpc.EngineStub(channel)

    def log(self, line: str) -> None:
        """Show a line for information."""
        self._send(engine_pb2.INFO, line)

    def warn(self, line: str) -> None:
        """Show a line that asks for action."""
        self._send(engine_pb2.WARNING, line)

    def _send(self, severity: engine_pb2.LogSeverity.ValueType, line: str) -> None:
        request = engine_pb2.LogRequest(severity=severity, message=line, urn=current_urn.get())
        with contextlib.suppress(grpc.RpcError):  # a lost line is no reason to fail
            self._engine.Log(request, timeout=_LOG_TIMEOUT)


def cancel_when_unwanted(running: Future[Any]) -> None:
    """Cancel what runs for the current step as soon as the engine no longer waits for it.

    That is so after a second Ctrl-C: the engine then gives this process some seconds to end.
    """

    def cancel() -> None:
        running.cancel()

    call = engine_call.calling()
    if call and not call.add_callback(cancel):
        cancel()


def _watch(address: str) -> None:
    if _was_reached(address):
        # The call ended, for whatever reason: only an engine that cannot be reached again is gone.
        while _was_reached(address):
            time.sleep(1)
        os._exit(1)


def _was_reached(address: str) -> bool:
    """Wait until the engine at `address` is gone. Returns whether it was reached at all."""
    reached = False
    with grpc.insecure_channel(address, _OPTIONS) as channel:
        try:
            for _ in channel.unary_stream(_WATCH, bytes, bytes)(b""):
                reached = True
        except grpc.RpcError as error:
            reached = reached or error.code() != grpc.StatusCode.UNAVAILABLE
    return reached
