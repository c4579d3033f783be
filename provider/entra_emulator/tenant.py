"""One tenant: its callers, its directory and what its synchronization service keeps.

The rules, without HTTP. Every refusal is a `GraphError`. Any thread may call any method; each is
one step that happens as a whole or not at all.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from .assumptions import Assumptions
from .default_tenant import default_state
from .directory import Directory
from .graph_errors import GraphError
from .permissions import Caller, Permission
from .state import (
    Client,
    ClientSecret,
    FederatedIdentityCredential,
    Kind,
    Target,
    utc_now,
)
from .state import is_guid as is_guid  # for those who have it from here
from .state_file import StateFile
from .store import Store
from .synchronization import Authorization as Authorization
from .synchronization import Pairs as Pairs
from .synchronization import Synchronization


class Tenant(Directory, Synchronization):
    """One tenant, with the third party that it provisions into.

    With a state file, what it holds is read from there and kept there, until it is closed.
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
        """Lets another tenant have the state file. Nothing can be changed from then on."""
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
        """Lets an application ask for tokens, or replaces what it had.

        Certificates are PEM; roles Graph's app roles.
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
        """The application of that client id, if it may ask for tokens here."""
        with self._reading() as state:
            return state.clients.get(client_id.lower())

    def created(self, kind: Kind, id: str) -> datetime:
        """When the object was created, more exactly than its `createdDateTime`."""
        with self._reading():
            return self._target(kind, id).created

    def adopt(
        self, clients: Iterable[Client], targets: Iterable[Target], *, replace: bool
    ) -> set[str]:
        """Takes these in as they are; one whose id is here already only if `replace`.

        Gives the ids of the targets that it took in.
        """
        adopted = set()
        with self._changing() as state:
            for client in clients:
                if replace or client.client_id not in state.clients:
                    state.clients[client.client_id] = client
            for target in targets:
                if replace or target.id not in state.targets[target.kind]:
                    state.targets[target.kind][target.id] = target
                    self._settle_new_secrets(target)
                    adopted.add(target.id)
        return adopted

    def require(self, permission: Permission, caller: Caller) -> None:
        """Refuses a caller to whom the permission is not granted."""
        if not permission.is_granted(caller):
            raise self._forbidden(permission)

    def require_ownership(
        self, permission: Permission, caller: Caller, kind: Kind, id: str, *, deleted: bool = False
    ) -> None:
        """Refuses a caller whose role is good for its own objects, if the object is another's.

        Of a service principal, that itself has to be owned: its application is not enough.
        """
        if not permission.is_for_owners(caller):
            return
        if permission is Permission.DIRECTORY_READ and self._assumptions.owned_by_reads_all:
            return
        with self._reading():
            # An object that is not there belongs to nobody; its own refusal tells more.
            target = self._deleted(id) if deleted else self._target(kind, id)
            if caller.object_id in target.owners:
                return
        raise self._forbidden(permission)

    def _forbidden(self, permission: Permission) -> GraphError:
        if permission.is_synchronization:
            return GraphError(*self._assumptions.missing_synchronization_permission)
        return GraphError(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )
