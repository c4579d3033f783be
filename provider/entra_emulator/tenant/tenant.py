"""One tenant: its clients, its directory and its synchronization service.

The rules, without HTTP. Every refusal is a `TenantError`. Every method is safe in any thread, and
happens completely or not at all.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from ..assumptions import Assumptions
from ..clock import utc_now
from ..state.file import StateFile
from ..state.model import (
    Client,
    ClientSecret,
    DirectoryObject,
    FederatedIdentityCredential,
    Kind,
)
from ..state.store import Store
from .default_tenant import default_state
from .directory import Directory
from .synchronization import Synchronization


class Tenant(Directory, Synchronization):
    """One tenant, with the third party that it provisions into.

    With a state file, the tenant is read from it and every change is written to it, until `close`.
    """

    def __init__(
        self,
        *,
        state: Path | None = None,
        assumptions: Assumptions | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        file = StateFile(state) if state is not None else None
        self.is_new = file is None or not file.exists
        try:
            held = default_state() if file is None or self.is_new else file.read()
        except BaseException:
            if file is not None:
                file.close()
            raise
        super().__init__(Store(held, file=file, now=now), assumptions or Assumptions())

    def close(self) -> None:
        """Releases the state file. The tenant cannot change afterwards."""
        self._store.close()

    @property
    def tenant_id(self) -> str:
        """The GUID of the tenant."""
        return self._store.state.tenant_id

    def register_client(
        self,
        client_id: str,
        secrets: Iterable[str | ClientSecret] = (),
        certificates: Iterable[str | bytes] = (),
        roles: Iterable[str] = (),
        federated_credentials: Iterable[FederatedIdentityCredential] = (),
    ) -> None:
        """Registers an application that can request tokens, or replaces its registration.

        Certificates are in PEM; roles are Graph's application permissions.
        """
        known = self.client(client_id)
        client = Client(
            client_id=client_id.lower(),
            object_id=known.object_id if known else str(uuid.uuid4()),
            secrets=tuple(
                s if isinstance(s, ClientSecret) else ClientSecret.of(s) for s in secrets
            ),
            certificates=tuple(c.decode() if isinstance(c, bytes) else c for c in certificates),
            roles=tuple(roles),
            federated_credentials=tuple(federated_credentials),
        )
        with self._changing() as state:
            state.clients[client.client_id] = client

    def client(self, client_id: str) -> Client | None:
        """The application with this client id, if it can request tokens here."""
        with self._reading() as state:
            return state.clients.get(client_id.lower())

    def created(self, kind: Kind, id: str) -> datetime:
        """When the object was created, with more precision than its `createdDateTime`."""
        with self._reading():
            return self._find(kind, id).created

    def adopt(
        self, clients: Iterable[Client], objects: Iterable[DirectoryObject], *, replace: bool
    ) -> set[str]:
        """Adds clients and objects as they are; an existing id is skipped unless `replace`.

        Returns the ids of the objects that were added.
        """
        adopted = set()
        with self._changing() as state:
            for client in clients:
                if replace or client.client_id not in state.clients:
                    state.clients[client.client_id] = client
            for item in objects:
                if replace or item.id not in state.objects[item.kind]:
                    state.objects[item.kind][item.id] = item
                    self._update_jobs(item)
                    adopted.add(item.id)
        return adopted
