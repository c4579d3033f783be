"""The public tenant that every emulator starts with: its ids, its clients and its objects."""

from __future__ import annotations

from datetime import datetime, timezone

from ..state.model import (
    Client,
    ClientSecret,
    DirectoryObject,
    FederatedIdentityCredential,
    Issuer,
    Job,
    Kind,
    State,
)

# Public, and of use only with an emulator on your own machine.
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
"""Contoso's workloads, which the default client trusts: the `sub` claim, by issuer."""

DEFAULT_SERVICE_CONNECTION_ID = "00000000-0000-4000-8000-00000005c011"
"""Contoso's service connection in Azure DevOps."""

DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID = "00000000-0000-4000-8000-00000005a5c1"
DEFAULT_USER_ASSIGNED_CLIENT_ID = "00000000-0000-4000-8000-00000005a5c2"

_DEFAULT_CLIENT_OBJECT_ID = "00000000-0000-4000-8000-0000000c11e1"
_DEFAULT_JOB_ID = f"scim.{DEFAULT_TENANT_ID.replace('-', '')}.00000000-0000-4000-8000-000000000b0b"
_OBJECT_IDS = {
    DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID: "00000000-0000-4000-8000-00000005a5b1",
    DEFAULT_USER_ASSIGNED_CLIENT_ID: "00000000-0000-4000-8000-00000005a5b2",
}
"""The object ids of the managed identities, by client id."""


def default_state() -> State:
    """A client and managed identities with all roles, an application, its service principal."""
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
    for client_id, object_id in _OBJECT_IDS.items():
        state.clients[client_id] = Client(client_id, object_id, roles=roles)
    created = datetime(2026, 1, 1, tzinfo=timezone.utc)
    ids: dict[Kind, str] = {
        "applications": DEFAULT_APPLICATION_ID,
        "servicePrincipals": DEFAULT_SERVICE_PRINCIPAL_ID,
    }
    for kind, id in ids.items():
        state.objects[kind][id] = DirectoryObject(
            kind, id, DEFAULT_APP_ID, "Contoso Sales", created
        )
    principal = state.objects["servicePrincipals"][DEFAULT_SERVICE_PRINCIPAL_ID]
    principal.jobs[_DEFAULT_JOB_ID] = Job(_DEFAULT_JOB_ID, "scim")
    return state
