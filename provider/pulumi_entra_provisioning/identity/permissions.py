"""The permissions in the caller's token, compared with those that an authorization requires.

https://learn.microsoft.com/graph/api/synchronization-synchronization-acquireaccesstoken#permissions
"""

from __future__ import annotations

import json
from typing import Final

from .caller import Caller

_SYNCHRONIZATION: Final = "Synchronization.ReadWrite.All"
_OWNED_BY: Final = "Application.ReadWrite.OwnedBy"

# The last two are not on the action's page, but the Terraform provider names them for the secrets:
# a caller that has one of them may be refused for another reason, such as a target that is new.
_SUFFICIENT: Final = frozenset(
    {_SYNCHRONIZATION, _OWNED_BY, "Application.ReadWrite.All", "Directory.ReadWrite.All"}
)

# https://learn.microsoft.com/graph/permissions-reference
_APP_ROLE_IDS: Final = {
    _SYNCHRONIZATION: "9b50c33d-700f-43b1-b2eb-87e89b703581",
    "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
}

# https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
_DIRECTORY_ROLES: Final = {
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3": "Application Administrator",
    "158c047a-c907-4556-b7ef-446551a6b5f7": "Cloud Application Administrator",
    "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2": "Hybrid Identity Administrator",
}
_GLOBAL_ADMINISTRATOR: Final = "62e90394-69f5-4237-9190-012177145e10"

_GRAPH: Final = "00000003-0000-0000-c000-000000000000"

# The Azure CLI's, which the Azure Developer CLI has too, and Azure PowerShell's.
_OF_MICROSOFT: Final = frozenset(
    {"04b07795-8ddb-461a-bbee-02f9e1bf7b46", "1950a258-227b-4e31-a9cf-717495945fc2"}
)


def is_insufficient(caller: Caller) -> bool:
    """Whether no permission in the caller's token can be the one that authorizing needs.

    Of a signed-in user only the scopes are looked at: a custom role or ownership may take the place
    of the directory roles that the token names.
    """
    return _SUFFICIENT.isdisjoint(caller.scopes if caller.is_user else caller.roles)


def lacking(caller: Caller, target: str, graph_endpoint: str) -> str:
    """The permissions that the caller has and lacks, and the command that grants the rest.

    The commands stand at the end, each on a line of its own.
    """
    if caller.is_user:
        return _lacking_of_user(caller, target, graph_endpoint)
    has = f"The caller (client {caller.client_id}) has {_listed(caller.roles)}"
    grant = _grant(caller, _SYNCHRONIZATION, graph_endpoint)
    if _SYNCHRONIZATION in caller.roles:
        return (
            f"{has}, which is enough. If {target} was just created, run again in a moment. If not,"
            " check whether a Conditional Access policy or the tenant's license blocks this caller."
        )
    if _OWNED_BY in caller.roles:
        body = {"@odata.id": f"{graph_endpoint}/v1.0/directoryObjects/{caller.object_id}"}
        own = _post(graph_endpoint, f"{target}/owners/$ref", body)
        return (
            f"{has}, which covers only what it owns. Make it an owner of {target}, or grant it"
            f" {_SYNCHRONIZATION}:\n  {own}\n  {grant}"
        )
    return (
        f"{has}. It needs {_SYNCHRONIZATION}, or {_OWNED_BY} and ownership of {target}. Grant it"
        f" (a managed identity's token may take a day to contain it):\n  {grant}"
    )


def lacking_to_look(caller: Caller, target: str, graph_endpoint: str) -> str:
    """The permission that distinguishes a deleted target from one that the caller cannot see."""
    needed = "Application.Read.All"
    if caller.is_user:
        return (
            f"To check whether {target} exists, the caller needs the delegated permission {needed}."
        )
    return (
        f"The caller (client {caller.client_id}) has {_listed(caller.roles)}. It needs {needed} to"
        f" check whether {target} exists. Grant it:\n  {_grant(caller, needed, graph_endpoint)}"
    )


def _lacking_of_user(caller: Caller, target: str, graph_endpoint: str) -> str:
    known = {**_DIRECTORY_ROLES, _GLOBAL_ADMINISTRATOR: "Global Administrator"}
    roles = [known[id] for id in caller.directory_roles if id in known]
    *others, last = _DIRECTORY_ROLES.values()
    has = (
        f"The signed-in user has {_listed(caller.scopes, kind='delegated')} through client"
        f" {caller.client_id}, and {', '.join(roles) or 'none of the directory roles'}"
    )
    if roles and _SYNCHRONIZATION in caller.scopes:
        return f"{has}, which is enough. If {target} was just created, run again in a moment."
    lacks = (
        f"{has}. It needs {_SYNCHRONIZATION} and the role {', '.join(others)} or {last}, or a"
        " custom role with the same permission"
    )
    if caller.client_id in _OF_MICROSOFT:
        return (
            f"{lacks}. This client belongs to Microsoft and cannot get the permission. Sign in as a"
            " service principal."
        )
    commands = []
    if not roles:
        body = {
            "principalId": caller.object_id,
            "roleDefinitionId": next(iter(_DIRECTORY_ROLES)),
            "directoryScopeId": "/",
        }
        commands.append(_post(graph_endpoint, "roleManagement/directory/roleAssignments", body))
    if _SYNCHRONIZATION not in caller.scopes:
        # The command takes away what the client has and is not named.
        scopes = " ".join(sorted({*caller.scopes, _SYNCHRONIZATION}))
        commands.append(
            f"az ad app permission grant --id {caller.client_id} --api {_GRAPH} --scope '{scopes}'"
        )
    return "\n  ".join([f"{lacks}:", *commands])


def _listed(permissions: tuple[str, ...], kind: str = "application") -> str:
    if not permissions:
        return f"no {kind} permission"
    return f"the {kind} permissions {', '.join(sorted(permissions))}"


def _grant(caller: Caller, role: str, graph_endpoint: str) -> str:
    """The command that assigns an app role of Graph, to managed identities too.

    https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignments
    """
    graph = f"'$(az ad sp show --id {_GRAPH} --query id --output tsv)'"
    body = {
        "principalId": caller.object_id,
        "appRoleId": _APP_ROLE_IDS[role],
        "resourceId": graph,
    }
    path = f"servicePrincipals/{caller.object_id}/appRoleAssignments"
    return _post(graph_endpoint, path, body)


def _post(graph_endpoint: str, path: str, body: dict[str, str]) -> str:
    # What is between the inner quotes is for the shell to fill in. Without the resource, the Azure
    # CLI sends no token to a Graph that it does not know, such as the one of US Gov L5.
    return (
        f"az rest --method POST --resource {graph_endpoint} --url '{graph_endpoint}/v1.0/{path}'"
        f" --body '{json.dumps(body)}'"
    )
