"""Who calls, and what an operation asks of them.

https://learn.microsoft.com/graph/permissions-reference
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

PERSONAL_TENANT_ID = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant that all personal Microsoft accounts are in."""


class DirectoryRole(str, Enum):
    """Roles that let a person change applications, by the id of their template.

    https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
    """

    GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
    APPLICATION_ADMINISTRATOR = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
    CLOUD_APPLICATION_ADMINISTRATOR = "158c047a-c907-4556-b7ef-446551a6b5f7"
    HYBRID_IDENTITY_ADMINISTRATOR = "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2"


OWNED_BY = "Application.ReadWrite.OwnedBy"
"""The role that is good for the objects that its holder owns, and for no others."""


@dataclass(frozen=True)
class Caller:
    """Who a valid access token was issued to, with the application roles that it carries.

    `object_id` is the service principal's, the token's `oid`. Where a person is signed in at the
    client it is the person's, and instead of application roles there are the delegated permissions
    (`scopes`) and the person's directory roles, by the ids of their templates.
    """

    client_id: str
    object_id: str
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    directory_roles: tuple[str, ...] = ()


class Permission(Enum):
    """What an operation needs of an application: any one of these roles."""

    SYNCHRONIZATION_WRITE = frozenset(
        {OWNED_BY, "Application.ReadWrite.All", "Synchronization.ReadWrite.All"}
    )
    SYNCHRONIZATION_READ = SYNCHRONIZATION_WRITE | {"Synchronization.Read.All"}
    DIRECTORY_WRITE = frozenset({OWNED_BY, "Application.ReadWrite.All", "Directory.ReadWrite.All"})
    DIRECTORY_READ = DIRECTORY_WRITE | {"Application.Read.All", "Directory.Read.All"}

    @property
    def is_synchronization(self) -> bool:
        """Whether it is one of the synchronization API's, which refuses differently."""
        return self in (Permission.SYNCHRONIZATION_READ, Permission.SYNCHRONIZATION_WRITE)

    def is_granted(self, caller: Caller) -> bool:
        """Whether the caller may do it, to its own objects at least.

        A person needs the delegated permission and, for synchronization, a directory role:
        https://learn.microsoft.com/graph/api/synchronization-synchronization-acquireaccesstoken
        """
        if caller.scopes:
            delegated = self.value & {*caller.scopes} - {OWNED_BY}
            if not self.is_synchronization:
                return bool(delegated)
            administrates = not {*DirectoryRole}.isdisjoint(caller.directory_roles)
            return administrates and any(s.startswith("Synchronization.") for s in delegated)
        return not self.value.isdisjoint(caller.roles)

    def is_for_owners(self, caller: Caller) -> bool:
        """Whether nothing but ownership of the object lets this caller do it."""
        return self.value.intersection(caller.roles) == {OWNED_BY}
