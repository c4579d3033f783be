"""Servers of the standard library, each in its own thread."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ThreadingServer(socketserver.ThreadingTCPServer):
    """A TCP server with a daemon thread for each connection. Closing it waits for none of them."""

    daemon_threads = True
    block_on_close = False


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Serve in a thread while the `with` block lasts, then close the server."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
