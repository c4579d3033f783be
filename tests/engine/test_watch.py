"""The watch over the engine, in its own process, against a gRPC server as the engine."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest

WATCHING = """
import sys
from pulumi_entra_provisioning.engine.process import _watch
_watch(sys.argv[1])
print("there is nothing to watch")
"""


class Engine:
    """Stands in for the engine. It counts each watch and keeps it open until it is cut."""

    def __init__(self) -> None:
        self.watched = threading.Semaphore(0)
        self.cut = threading.Event()

    def watch(self, _request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """The method of the health service that the provider calls."""
        context.add_callback(self.cut.set)
        yield b""
        self.watched.release()
        self.cut.wait()
        self.cut.clear()


@contextmanager
def served(engine: Engine | None) -> Iterator[int]:
    """The port of an engine, or of a server without a health check."""
    server = grpc.server(ThreadPoolExecutor(4))
    if engine:
        watch = grpc.unary_stream_rpc_method_handler(engine.watch, bytes, bytes)
        service = grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Watch": watch})
        server.add_generic_rpc_handlers([service])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def watching(port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WATCHING, f"127.0.0.1:{port}"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_process_ends_when_its_engine_ends_not_when_a_connection_closes() -> None:
    engine = Engine()
    with served(engine) as port:
        process = watching(port)
        for _ in range(3):
            assert engine.watched.acquire(timeout=20)
            engine.cut.set()
        assert engine.watched.acquire(timeout=20)
        assert process.poll() is None
    assert process.communicate(timeout=20)[0] == ""
    assert process.returncode == 1


def test_an_engine_without_a_health_check_is_watched_too() -> None:
    with served(None) as port:
        process = watching(port)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=3)
    process.communicate(timeout=20)
    assert process.returncode == 1


def test_a_process_that_never_reached_an_engine_keeps_running() -> None:
    with served(None) as port:
        pass
    process = watching(port)
    assert process.communicate(timeout=20)[0] == "there is nothing to watch\n"
    assert process.returncode == 0
