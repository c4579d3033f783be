"""The watch over the engine, in a process of its own, against a gRPC server in its place."""

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
    """What answers in the engine's place; each watch is counted, and lasts until it is cut."""

    def __init__(self) -> None:
        self.watched = threading.Semaphore(0)
        self.cut = threading.Event()

    def watch(self, _request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """The health service's one method that is called."""
        context.add_callback(self.cut.set)
        yield b""
        self.watched.release()
        self.cut.wait()
        self.cut.clear()


@contextmanager
def served(engine: Engine | None) -> Iterator[int]:
    """The port of an engine, or of one that serves no health check, as another version may."""
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


def test_a_process_ends_when_its_engine_is_gone_and_not_when_a_connection_is() -> None:
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


def test_an_engine_that_serves_no_health_check_is_watched_all_the_same() -> None:
    with served(None) as port:
        process = watching(port)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=3)
    process.communicate(timeout=20)
    assert process.returncode == 1


def test_a_process_that_never_saw_an_engine_goes_on() -> None:
    with served(None) as port:
        pass
    process = watching(port)
    assert process.communicate(timeout=20)[0] == "there is nothing to watch\n"
    assert process.returncode == 0
