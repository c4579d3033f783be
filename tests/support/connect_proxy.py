"""A proxy that connects every host name to one local port, for clients of the national clouds."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress
from types import TracebackType
from urllib.parse import urlsplit

from support.background_server import ThreadingServer, serving


class ConnectProxy:
    """A proxy on loopback for HTTPS, while the `with` block lasts.

    It tunnels every CONNECT request to the server at `target`, such as an emulator's
    `url`. `asked` lists the requested `host:port` in order. Its own `url` goes
    into HTTPS_PROXY.
    """

    def __init__(self, target: str) -> None:
        self.asked: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Tunnel)
        self._server.proxy = self
        parts = urlsplit(target)
        self.target = (parts.hostname, parts.port)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ConnectProxy:
        self._serving = serving(self._server)
        self._serving.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._serving.__exit__(kind, error, trace)


class _Server(ThreadingServer):
    proxy: ConnectProxy


class _Tunnel(socketserver.StreamRequestHandler):
    server: _Server
    rbufsize = 0  # The bytes after the request's head belong to the tunnel: do not read ahead.

    def handle(self) -> None:
        method, _, rest = self.rfile.readline().decode("latin-1").partition(" ")
        while self.rfile.readline().strip():
            pass
        if method != "CONNECT":
            self.wfile.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        self.server.proxy.asked.append(rest.partition(" ")[0])
        with socket.create_connection(self.server.proxy.target) as upstream:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_copy, args=(upstream, self.connection), daemon=True)
            back.start()
            _copy(self.connection, upstream)
            back.join()


def _copy(source: socket.socket, destination: socket.socket) -> None:
    """Copies until one side closes, then closes the other."""
    with suppress(OSError):
        while data := source.recv(65536):
            destination.sendall(data)
    for end in (source, destination):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
