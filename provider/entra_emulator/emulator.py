"""The emulator: its parts, wired together."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from .assumptions import Assumptions
from .clock import Clock
from .disturb.faults import Faults
from .disturb.replication import Replication
from .disturb.throttling import Limits, Throttling
from .entra.authority import Authority
from .entra.federation import Federation
from .entra.managed_identity import ManagedIdentities
from .entra.routes import AuthorityRoutes, is_authority_path, requesting_client_id
from .entra.workload_routes import WorkloadRoutes
from .graph.access import Access
from .graph.errors import GraphError
from .graph.routes import graph_routes
from .http.exchange import Exchange
from .http.routing import Handler
from .observe.control import Control
from .observe.journal import Journal
from .observe.judgement import Finding, judge
from .observe.page import Page
from .server.hosts import AllowedHosts
from .server.pipeline import Pipeline
from .server.services import Services
from .server.third_party_routes import ThirdPartyRoutes
from .server.tls import TlsServer, listen, loopback_address
from .tenant.seed import Seed
from .tenant.tenant import Tenant
from .workloads import Environments, Workload


class Emulator:
    """An Entra tenant with its token endpoint and its Graph, for the duration of a `with` block.

    `state` is a file that keeps the tenant between runs. `seed` is a YAML file, or the content of
    one: what a new tenant starts with, and what an existing one lacks. `port` 0 is any free port.
    `host` must be a loopback address, because the tenant's client and secret are public. `hosts`
    are further names that the emulator answers to, such as login.microsoftonline.us and
    graph.microsoft.us, for a client behind a proxy that connects every name to the emulator.

    A new application or service principal is not found for `replication_lag` seconds, by default
    those of the seed. `throttling` applies Graph's documented limits, or others.

    OSError if the port is in use. ValueError for another host, an invalid state file or one that
    another emulator uses, or an invalid seed.
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
        self._address = loopback_address(host)
        self._host = host
        if not 0 <= port < 65536:
            raise ValueError(f"the port must be between 0 and 65535, not {port}")
        self._port = port
        self._hosts = tuple(hosts)
        self._assumptions = assumptions or Assumptions()
        self._limits = Limits() if throttling is True else throttling or None
        content = Seed.read(seed) if seed is not None else Seed()
        self._lag = content.replication_lag if replication_lag is None else replication_lag
        if not 0 <= self._lag < math.inf:
            raise ValueError("the replication lag must be a number of seconds")
        self.clock = Clock()
        self.journal = Journal()
        self.faults = Faults()
        self.tenant = Tenant(state=state, assumptions=self._assumptions, now=self.clock.now)
        if seed is not None:
            try:
                content.plant(self.tenant, is_new=self.tenant.is_new)
            except BaseException:
                self.tenant.close()
                raise

    def judgement(self) -> list[Finding]:
        """What the clients of this run should not have done, oldest first."""
        return judge(self.journal.calls, self._assumptions.token_lifetime)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a program at the emulator, as the tenant's default client.

        They override the stack configuration of a Pulumi program.
        """
        return self._environments.of_default_client()

    def environment_in(self, workload: Workload) -> dict[str, str]:
        """The variables of a program that runs there and uses the emulator, without a secret.

        In a pipeline and in Kubernetes, the program is the tenant's default client, which trusts
        Contoso's workload there:

        - github-actions: ACTIONS_ID_TOKEN_REQUEST_URL and …_TOKEN
        - azure-devops: SYSTEM_OIDCREQUESTURI, SYSTEM_ACCESSTOKEN, AZURESUBSCRIPTION_CLIENT_ID,
          …_TENANT_ID and …_SERVICE_CONNECTION_ID
        - gitlab: ARM_OIDC_TOKEN
        - kubernetes: AZURE_FEDERATED_TOKEN_FILE and AZURE_AUTHORITY_HOST

        On an Azure resource, it is a managed identity, by default the system-assigned one:

        - virtual-machine: AZURE_POD_IDENTITY_AUTHORITY_HOST
        - app-service: IDENTITY_ENDPOINT and IDENTITY_HEADER
        """
        return self._environments.of_workload(workload)

    def __enter__(self) -> Emulator:
        with ExitStack() as cleanup:
            cleanup.callback(self.tenant.close)
            self._start(cleanup)
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cleanup.close()

    def _start(self, cleanup: ExitStack) -> None:
        listener = cleanup.enter_context(listen(self._address, self._port))
        port = listener.getsockname()[1]
        name = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"https://{name}:{port}"
        aliases = (f"https://127.0.0.1:{port}", f"https://localhost:{port}")
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="entra-emulator-")))
        self.ca_file = str(folder / "ca.pem")
        application = self._application(folder, aliases)
        names = (self._address, "127.0.0.1", "localhost", *self._hosts)
        server = TlsServer(application, listener, folder, names)
        server.start()
        cleanup.callback(server.stop)

    def _application(self, folder: Path, aliases: tuple[str, ...]) -> Pipeline:
        """Everything between the server and the tenant."""
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
        self.tenant.third_party.serve_at(self.url, *aliases)
        identities = ManagedIdentities(
            self.tenant, self.authority, self._assumptions, now=self.clock.time
        )
        self._environments = Environments(
            self.url, folder / "ca.pem", self.tenant.tenant_id, self.federation, identities
        )
        access = Access(self.tenant, self.authority, self._assumptions, now=self.clock.time)
        workloads = WorkloadRoutes(self.federation, identities)
        routes = [
            *graph_routes(self.tenant, self.authority, access),
            *AuthorityRoutes(self.authority).routes,
            *ThirdPartyRoutes(self.tenant.third_party).routes,
            *workloads.routes,
        ]

        def identify(exchange: Exchange) -> str | None:
            if is_authority_path(exchange.path):
                return requesting_client_id(exchange)
            try:
                return access.authenticate(exchange.headers.get("authorization")).client_id
            except GraphError:
                return workloads.client_id(exchange)

        page = Page(
            self.tenant,
            self.url,
            clock=self.clock,
            faults=self.faults,
            journal=self.journal,
            judgement=self.judgement,
        )
        control = Control(
            clock=self.clock,
            faults=self.faults,
            judgement=self.judgement,
            render_page=page.render,
        )
        return Pipeline(
            self._disturbed(Services(routes, self.url, self._assumptions).respond),
            own_page=control.respond,
            identify=identify,
            allowed_hosts=AllowedHosts((self.url, *aliases), self._hosts),
            faults=self.faults,
            journal=self.journal,
            clock=self.clock,
            url=self.url,
        )

    def _disturbed(self, handler: Handler) -> Handler:
        """The handler behind replication lag and throttling."""
        replication = Replication(self.tenant, self._lag, self._assumptions, self.clock.now)
        handler = replication.delay(handler)
        if self._limits is None:
            return handler
        return Throttling(self._limits, self.tenant.tenant_id, self.clock.time).limit(handler)
