"""The emulator as a running server: TLS on loopback, in a thread of its own."""

from __future__ import annotations

import asyncio
import ipaddress
import math
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, get_args

import trustme
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .assumptions import Assumptions
from .authority import Authority
from .clock import Clock
from .cloud_metadata import CloudMetadata
from .control import Control
from .default_tenant import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_SERVICE_CONNECTION_ID,
)
from .exchange import TRANSPORT, Exchanges
from .faults import Faults
from .federation import PATH, Federation
from .graph_errors import GraphError
from .journal import Journal
from .judgement import Finding, judge
from .managed_identity import APP_SERVICE_PATH, ManagedIdentities
from .names import Names
from .replication import Replication
from .routes import Routes
from .seed import Seed
from .tenant import Tenant
from .throttling import Limits, Throttling
from .workload_routes import WorkloadRoutes

Workload = Literal[
    "github-actions", "azure-devops", "gitlab", "kubernetes", "virtual-machine", "app-service"
]
"""Where a program runs that needs no secret."""

_START_LIMIT = 30.0
_KEEP_ALIVE = 120
_STOP_LIMIT = 2


class Emulator:
    """An Entra tenant with its token endpoint and its Graph, while the `with` block lasts.

    `state` is a file in which the tenant is kept between runs. `seed` is a YAML file, or what one
    holds, with what a new tenant begins with and an old one lacks. `port` 0 takes a free one.
    `host` must be a loopback address: the tenant's client and secret are public. `hosts` are names
    that it answers for as well, such as login.microsoftonline.us and graph.microsoft.us, to a
    client whose proxy connects every name to it.

    For `replication_lag` seconds a new application or service principal is not found; the seed's
    lag counts unless it is given here. `throttling` applies Graph's documented limits, or others.

    OSError if the port is taken, ValueError for another host, a state file that is none or that
    another emulator has, or a seed that is wrong.
    """

    url: str
    ca_file: str
    authority: Authority
    federation: Federation

    def __init__(
        self,
        *,
        state: Path | None = None,
        assumptions: Assumptions | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        seed: Path | Mapping[str, Any] | None = None,
        replication_lag: float | None = None,
        throttling: bool | Limits = False,
        hosts: Iterable[str] = (),
    ) -> None:
        self._address = _loopback(host)
        self._host = host
        self._port = port
        self._hosts = tuple(hosts)
        self._assumptions = assumptions or Assumptions()
        self.clock = Clock()
        if not 0 <= port < 65536:
            raise ValueError(f"a port is a number from 0 to 65535, not {port}")
        read = Seed.read(seed) if seed is not None else Seed()
        lag = read.replication_lag if replication_lag is None else replication_lag
        if not 0 <= lag < math.inf:
            raise ValueError("the replication lag is a number of seconds")
        self.tenant = Tenant(state=state, assumptions=self._assumptions, now=self.clock.now)
        if seed is not None:
            try:
                read.plant(self.tenant, is_new=self.tenant.is_new)
            except BaseException:
                self.tenant.close()
                raise
        self.journal = Journal()
        self.faults = Faults()
        self._replication = Replication(self.tenant, lag, self._assumptions, self.clock.now)
        self._throttling = None
        if throttling:
            limits = throttling if isinstance(throttling, Limits) else Limits()
            self._throttling = Throttling(limits, self.tenant.tenant_id, self.clock.time)

    def judgement(self) -> list[Finding]:
        """What the clients of this run did that they should not have done, oldest first."""
        return judge(self.journal.calls, self._assumptions.token_lifetime)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a program at the emulator, as its tenant's default client.

        They come before the stack configuration of a Pulumi program.
        """
        return {
            **self._endpoints(),
            "AZURE_CLIENT_ID": DEFAULT_CLIENT_ID,
            "AZURE_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
        }

    def environment_in(self, workload: Workload) -> dict[str, str]:
        """The variables of a program that runs there, and points at the emulator.

        It has no secret of a client. In a pipeline and in Kubernetes it is the tenant's default
        client, which trusts contoso's workload there:

        - github-actions: ACTIONS_ID_TOKEN_REQUEST_URL and …_TOKEN
        - azure-devops: SYSTEM_OIDCREQUESTURI, SYSTEM_ACCESSTOKEN, AZURESUBSCRIPTION_CLIENT_ID,
          …_TENANT_ID and …_SERVICE_CONNECTION_ID
        - gitlab: ARM_OIDC_TOKEN
        - kubernetes: AZURE_FEDERATED_TOKEN_FILE and AZURE_AUTHORITY_HOST

        On a machine of Azure's it is a managed identity, the system-assigned one unless it names
        the other:

        - virtual-machine: AZURE_POD_IDENTITY_AUTHORITY_HOST
        - app-service: IDENTITY_ENDPOINT and IDENTITY_HEADER
        """
        client = {"AZURE_CLIENT_ID": DEFAULT_CLIENT_ID}
        if workload == "github-actions":
            own = {
                # As GitHub's has: a query to which the audience is added.
                "ACTIONS_ID_TOKEN_REQUEST_URL": (
                    f"{self.url}{PATH}/github-actions/token?api-version=2.0"
                ),
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.federation.request_token,
                **client,
            }
        elif workload == "azure-devops":
            own = {
                "SYSTEM_OIDCREQUESTURI": f"{self.url}{PATH}/azure-devops/token",
                "SYSTEM_ACCESSTOKEN": self.federation.request_token,
                "AZURESUBSCRIPTION_CLIENT_ID": DEFAULT_CLIENT_ID,
                "AZURESUBSCRIPTION_TENANT_ID": self.tenant.tenant_id,
                "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": DEFAULT_SERVICE_CONNECTION_ID,
                **client,
            }
        elif workload == "gitlab":
            own = {"ARM_OIDC_TOKEN": self.federation.token("gitlab"), **client}
        elif workload == "kubernetes":
            file = Path(self._directory.name, "federated-token")
            file.write_text(self.federation.token("kubernetes"))
            own = {
                "AZURE_FEDERATED_TOKEN_FILE": str(file),
                "AZURE_AUTHORITY_HOST": self.url,
                **client,
            }
        elif workload == "virtual-machine":
            own = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": self.url}
        elif workload == "app-service":
            own = {
                "IDENTITY_ENDPOINT": f"{self.url}{APP_SERVICE_PATH}",
                "IDENTITY_HEADER": self._identities.header,
            }
        else:
            raise ValueError(f"the workloads are {', '.join(get_args(Workload))}")
        return {**self._endpoints(), **own}

    def _endpoints(self) -> dict[str, str]:
        names = [name for name in os.environ.get("NO_PROXY", "").split(",") if name]
        no_proxy = ",".join(dict.fromkeys([*names, "127.0.0.1", "localhost"]))
        return {
            "ENTRA_PROVISIONING_GRAPH_ENDPOINT": self.url,
            "ENTRA_PROVISIONING_AUTHORITY_HOST": self.url,
            "ENTRA_PROVISIONING_CA_FILE": self.ca_file,
            # What a stack is configured with, its production's endpoints and client, comes second.
            "ENTRA_PROVISIONING_SETTINGS_FROM_ENVIRONMENT": "true",
            "AZURE_TENANT_ID": self.tenant.tenant_id,
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
        }

    def __enter__(self) -> Emulator:
        try:
            return self._serve()
        except BaseException:
            self.tenant.close()
            raise

    def _serve(self) -> Emulator:
        listener = _listen(self._address, self._port)
        port = listener.getsockname()[1]
        shown = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"https://{shown}:{port}"
        aliases = (f"https://127.0.0.1:{port}", f"https://localhost:{port}")
        self._names = Names((self.url, *aliases), self._hosts)
        self.federation = Federation(self.url, now=self.clock.time)
        self.authority = Authority(
            self.tenant,
            self.url,
            federation=self.federation,
            aliases=aliases,
            hosts=self._hosts,
            assumptions=self._assumptions,
            now=self.clock.time,
        )
        self._identities = ManagedIdentities(
            self.tenant, self.authority, self._assumptions, now=self.clock.time
        )
        self.tenant.third_party.serve_at(self.url, *aliases)
        self._directory = tempfile.TemporaryDirectory(prefix="entra-emulator-")
        self.ca_file = os.path.join(self._directory.name, "ca.pem")
        try:
            self._start(listener)
        except BaseException:
            listener.close()
            self._directory.cleanup()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self.tenant.close()
        self._directory.cleanup()

    def _identify(self, authorization: str | None) -> str | None:
        try:
            return self.authority.caller(authorization).client_id
        except GraphError:
            return None

    def _start(self, listener: socket.socket) -> None:
        self._server = uvicorn.Server(self._configuration())
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="entra-emulator", daemon=True
        )
        self._thread.start()
        limit = time.monotonic() + _START_LIMIT
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > limit:
                raise RuntimeError("the emulator's server did not start")
            time.sleep(0.01)

    def _configuration(self) -> uvicorn.Config:
        workloads = WorkloadRoutes(self.federation, self._identities)
        application = Exchanges(
            CloudMetadata(Routes(self.tenant, self.authority, workloads.routes), self.url),
            Control(self),
            journal=self.journal,
            faults=self.faults,
            clock=self.clock,
            identify=self._identify,
            replication=self._replication,
            throttling=self._throttling,
            names=self._names,
            url=self.url,
        )
        ca = trustme.CA()
        ca.cert_pem.write_to_path(self.ca_file)
        certificate = os.path.join(self._directory.name, "server.pem")
        pem = ca.issue_cert(
            self._address, "127.0.0.1", "localhost", *self._hosts
        ).private_key_and_cert_chain_pem
        pem.write_to_path(certificate)
        config = uvicorn.Config(
            application,
            http=_Protocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            ssl_certfile=certificate,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_STOP_LIMIT,
        )
        config.load()
        # The key is in memory now; nobody needs it on disk.
        os.unlink(certificate)
        return config


class _Protocol(H11Protocol):
    """Hands each request its connection, so that a scripted fault can drop it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            extensions = {**scope.get("extensions", {}), TRANSPORT: transport}
            await app({**scope, "extensions": extensions}, receive, send)

        self.app = with_transport

    def shutdown(self) -> None:
        # Closing in the TLS way waits for the client's farewell, which an idle connection in a pool
        # never sends.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
        else:
            super().shutdown()


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio sends small answers at once only on a socket that says that it is TCP: without, each
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
            error.errno, f"the emulator can't listen on {address}:{port}: {error.strerror}"
        ) from error
    return listener


def _loopback(host: str) -> str:
    """The address to bind, if it is this machine's own and nobody else's."""
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
