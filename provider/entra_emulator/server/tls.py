"""The server: TLS on a loopback address, in a thread of its own."""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import trustme
import uvicorn
from starlette.types import ASGIApp

from .connection import TransportProtocol

_START_LIMIT = 30.0
_KEEP_ALIVE = 120
_STOP_LIMIT = 2


def loopback_address(host: str) -> str:
    """The address of a host name. ValueError if other machines could reach it."""
    address = "127.0.0.1" if host == "localhost" else host
    try:
        is_loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ValueError(
            f"the emulator listens on loopback only (127.0.0.1, ::1 or localhost), not on {host!r}:"
            " its client and secret are public"
        )
    return address


def listen(address: str, port: int) -> socket.socket:
    """A socket that accepts connections; port 0 is any free one. OSError if it is in use."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio sets TCP_NODELAY only on a socket with this protocol: without it, each small answer
    # takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise OSError(
            error.errno, f"the emulator cannot listen on {address}:{port}: {error.strerror}"
        ) from error
    return listener


class TlsServer:
    """Runs an application on a listening socket.

    It makes a certificate authority, whose certificate it writes to `ca.pem` in `folder`, and a
    certificate for `names`.
    """

    def __init__(
        self, application: ASGIApp, listener: socket.socket, folder: Path, names: Iterable[str]
    ) -> None:
        self._server = uvicorn.Server(_configuration(application, folder, names))
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="entra-emulator", daemon=True
        )

    def start(self) -> None:
        """Returns when the server accepts connections. RuntimeError if it does not start."""
        self._thread.start()
        limit = time.monotonic() + _START_LIMIT
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > limit:
                raise RuntimeError("the emulator's server did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """Returns when all connections are closed."""
        self._server.should_exit = True
        self._thread.join()


def _configuration(application: ASGIApp, folder: Path, names: Iterable[str]) -> uvicorn.Config:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = folder / "server.pem"
    ca.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(str(certificate))
    config = uvicorn.Config(
        application,
        http=TransportProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        ssl_certfile=str(certificate),
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_STOP_LIMIT,
    )
    config.load()
    # The private key is in memory now; it need not stay on disk.
    certificate.unlink()
    return config
