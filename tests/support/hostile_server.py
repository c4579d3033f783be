"""A server on loopback with malformed, endless and oversized answers."""

from __future__ import annotations

import functools
import gzip
import json
import socketserver
import ssl
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import trustme
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID
from support.background_server import ThreadingServer, serving


@dataclass(frozen=True)
class Trick:
    """One answer. `{url}` in its `body` becomes the server's own URL.

    `headers` can repeat a header. With `endless`, the server sends `body` in chunks repeatedly
    until the client closes the connection or 256 MiB are sent.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    endless: bool = False


def said(document: Any, status: int = 200, **headers: str) -> Trick:
    """An answer with a JSON document."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Trick(
        status, (("Content-Type", "application/json"), *named), json.dumps(document).encode()
    )


@functools.cache
def _zeros() -> bytes:
    packed = zlib.compressobj(wbits=31)
    return b"".join(packed.compress(b"\0" * (1 << 20)) for _ in range(256)) + packed.flush()


def bomb(layers: int = 1) -> Trick:
    """An answer of at most 256 KB that `layers` of gzip expand to 256 MiB."""
    body = _zeros()
    for _ in range(layers - 1):
        body = gzip.compress(body)
    encodings = ", ".join(["gzip"] * layers)
    return Trick(200, (("Content-Type", "application/json"), ("Content-Encoding", encodings)), body)


ENDLESS = Trick(200, (("Content-Type", "application/json"),), b" " * 65536, endless=True)
SIGNS_IN = {
    "/openid-configuration": said(
        {"token_endpoint": "{url}/t/token", "authorization_endpoint": "{url}/t/authorize"}
    ),
    "/token": said({"access_token": "t0ken", "expires_in": 3600, "token_type": "Bearer"}),
}
"""The answers of Entra to a valid sign-in."""

HTML = Trick(200, (("Content-Type", "text/html"),), b"<html>Sign in</html>")


@dataclass
class HostileServer:
    """Answers a path with the first trick whose key the path ends with, or else with 404.

    It serves TLS with a certificate for `name`, or plain HTTP if `name` is empty. `asked` lists the
    requests in order as `method path`. `sent` counts the bytes of bodies.
    """

    tricks: Mapping[str, Trick]
    folder: Path
    name: str = "127.0.0.1"
    asked: list[str] = field(default_factory=list)
    sent: int = 0

    def __enter__(self) -> HostileServer:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.hostile = self
        scheme = "http"
        if self.name:
            scheme = "https"
            authority = trustme.CA()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(self.name).configure_cert(context)
            authority.cert_pem.write_to_path(self.ca_file)
            self._server.context = context
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
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

    @property
    def ca_file(self) -> str:
        """The PEM bundle with this server's certificate authority."""
        return str(self.folder / "ca.pem")

    def trick(self, path: str) -> Trick:
        """The answer to a path."""
        fitting = (trick for end, trick in self.tricks.items() if path.endswith(end))
        trick = next(fitting, Trick(status=404))
        return replace(trick, body=trick.body.replace(b"{url}", self.url.encode()))


class _Server(ThreadingServer):
    hostile: HostileServer
    context: ssl.SSLContext | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Does nothing: clients are expected to close the connection."""


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def setup(self) -> None:
        if self.server.context:
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        while line := self.rfile.readline():
            method, path, _ = line.decode("latin-1").split(" ")
            length = 0
            while header := self.rfile.readline().strip():
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            self.rfile.read(length)
            hostile = self.server.hostile
            hostile.asked.append(f"{method} {path}")
            self._answer(hostile.trick(path.partition("?")[0]))

    def _answer(self, trick: Trick) -> None:
        framing = (
            ("Transfer-Encoding", "chunked")
            if trick.endless
            else ("Content-Length", str(len(trick.body)))
        )
        lines = [f"HTTP/1.1 {trick.status} Whatever"]
        lines += [f"{name}: {value}" for name, value in (*trick.headers, framing)]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode())
        if not trick.endless:
            self._send(trick.body)
            return
        chunk = b"%x\r\n%b\r\n" % (len(trick.body), trick.body)
        with suppress(OSError):
            while self.server.hostile.sent < 256 << 20:
                self._send(chunk)
        self.connection.close()

    def _send(self, body: bytes) -> None:
        self.wfile.write(body)
        self.server.hostile.sent += len(body)


class StartHostile(Protocol):
    """Start a hostile server that runs until the test ends."""

    def __call__(self, tricks: Mapping[str, Trick], name: str = "127.0.0.1") -> HostileServer:
        """See HostileServer. SIGNS_IN answers what `tricks` leaves out."""


# Environment variables

NOWHERE = "https://127.0.0.1:9"
"""A URL at which nothing listens."""


def graph_and_entra(server: HostileServer) -> dict[str, str]:
    """The variables that make a server of TLS both Entra and Graph, with a client secret."""
    guid = DEFAULT_SERVICE_PRINCIPAL_ID
    return {
        "ENTRA_PROVISIONING_GRAPH_ENDPOINT": server.url,
        "ENTRA_PROVISIONING_AUTHORITY_HOST": server.url,
        "ENTRA_PROVISIONING_CA_FILE": server.ca_file,
        "AZURE_TENANT_ID": guid,
        "AZURE_CLIENT_ID": guid,
        "AZURE_CLIENT_SECRET": "pl4nted-secret",
    }


def without_secret(server: HostileServer, **variables: str) -> dict[str, str]:
    return {**graph_and_entra(server), "AZURE_CLIENT_SECRET": "", **variables}


def pipelines(server: HostileServer) -> dict[str, str]:
    """The variables of a job of Azure Pipelines whose ID tokens come from the server."""
    return without_secret(
        server,
        ARM_USE_OIDC="true",
        ARM_OIDC_AZURE_SERVICE_CONNECTION_ID="connection",
        SYSTEM_OIDCREQUESTURI=f"{server.url}/oidc",
        SYSTEM_ACCESSTOKEN="pl4nted-token",
    )


def github(server: HostileServer) -> dict[str, str]:
    """The variables of a job of GitHub Actions whose ID tokens come from the server."""
    return without_secret(
        server,
        ARM_USE_OIDC="true",
        ACTIONS_ID_TOKEN_REQUEST_URL=f"{server.url}/oidc?api-version=2.0",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN="pl4nted-token",
    )


def managed_identity(server: HostileServer) -> dict[str, str]:
    """The variables of a machine whose managed identity endpoint is the server, over HTTP."""
    return {
        "ENTRA_PROVISIONING_GRAPH_ENDPOINT": NOWHERE,
        "ENTRA_PROVISIONING_AUTHORITY_HOST": NOWHERE,
        "ENTRA_PROVISIONING_USE_MSI": "true",
        "ENTRA_PROVISIONING_MSI_ENDPOINT": server.url,
    }
