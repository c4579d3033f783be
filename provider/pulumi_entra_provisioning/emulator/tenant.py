"""One tenant: its callers, its directory and what its synchronization service keeps.

The rules, without HTTP. Every refusal is a `GraphError`. Any thread may call any method; each is
one step that happens as a whole or not at all.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path

from . import state as states
from .assumptions import Assumptions
from .directory import Directory
from .graph_errors import GraphError
from .managed_identity import default_identities
from .permissions import Caller, Permission
from .state import (
    Client,
    ClientSecret,
    FederatedIdentityCredential,
    Issuer,
    Job,
    Kind,
    State,
    Target,
    utc_now,
)
from .state import is_guid as is_guid  # for those who have it from here
from .store import Store
from .synchronization import Authorization as Authorization
from .synchronization import Pairs as Pairs
from .synchronization import Synchronization

# Known to everyone and good for nothing but an emulator on somebody's own machine.
DEFAULT_TENANT_ID = "00000000-0000-4000-8000-00000000c0de"
DEFAULT_CLIENT_ID = "00000000-0000-4000-8000-0000000c11e0"
DEFAULT_CLIENT_SECRET = "emulator-secret-not-a-secret"  # noqa: S105
DEFAULT_APP_ID = "00000000-0000-4000-8000-0000000a9910"
DEFAULT_APPLICATION_ID = "00000000-0000-4000-8000-00000000a991"
DEFAULT_SERVICE_PRINCIPAL_ID = "00000000-0000-4000-8000-00000000051d"

DEFAULT_SUBJECTS: dict[Issuer, str] = {
    "github-actions": "repo:contoso/provisioning:ref:refs/heads/main",
    "azure-devops": "sc://contoso/provisioning/entra",
    "gitlab": "project_path:contoso/provisioning:ref_type:branch:ref:main",
    "kubernetes": "system:serviceaccount:provisioning:pulumi",
}
"""Contoso's workloads, whom the default client trusts: by issuer, the `sub` of its tokens."""

DEFAULT_SERVICE_CONNECTION_ID = "00000000-0000-4000-8000-00000005c011"
"""Contoso's service connection in Azure DevOps."""

_DEFAULT_CLIENT_OBJECT_ID = "00000000-0000-4000-8000-0000000c11e1"
_DEFAULT_JOB_ID = f"scim.{DEFAULT_TENANT_ID.replace('-', '')}.00000000-0000-4000-8000-000000000b0b"


class Tenant(Directory, Synchronization):
    """One tenant, with the third party that it provisions into.

    With a state file, what it holds is read from there and kept there.
    """

    def __init__(
        self,
        *,
        state: Path | None = None,
        assumptions: Assumptions | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(Store(_begin(state), file=state, now=now), assumptions or Assumptions())

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


def _begin(file: Path | None) -> State:
    if file is None:
        return default_state()
    if file.exists():
        return states.read(file)
    if not file.parent.is_dir():
        raise ValueError(f"{file.parent} is no folder: no state file can be kept in it")
    return default_state()


def default_state() -> State:
    """The public tenant: a client that may do everything, an application and its principal."""
    state = State(DEFAULT_TENANT_ID)
    roles = ("Application.ReadWrite.All", "Synchronization.ReadWrite.All")
    state.clients[DEFAULT_CLIENT_ID] = Client(
        client_id=DEFAULT_CLIENT_ID,
        object_id=_DEFAULT_CLIENT_OBJECT_ID,
        secrets=(ClientSecret.of(DEFAULT_CLIENT_SECRET),),
        roles=roles,
        federated_credentials=tuple(
            FederatedIdentityCredential(issuer, subject)
            for issuer, subject in DEFAULT_SUBJECTS.items()
        ),
    )
    for identity in default_identities(roles):
        state.clients[identity.client_id] = identity
    created = datetime(2026, 1, 1, tzinfo=timezone.utc)
    ids: dict[Kind, str] = {
        "applications": DEFAULT_APPLICATION_ID,
        "servicePrincipals": DEFAULT_SERVICE_PRINCIPAL_ID,
    }
    for kind, id in ids.items():
        state.targets[kind][id] = Target(kind, id, DEFAULT_APP_ID, "Contoso Sales", created)
    principal = state.targets["servicePrincipals"][DEFAULT_SERVICE_PRINCIPAL_ID]
    principal.jobs[_DEFAULT_JOB_ID] = Job(_DEFAULT_JOB_ID, "scim")
    return state
