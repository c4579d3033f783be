"""The permissions that Graph's operations require.

https://learn.microsoft.com/graph/permissions-reference
"""

from __future__ import annotations

from enum import Enum

from ..entra.claims import AccessTokenClaims

PERSONAL_TENANT_ID = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of all personal Microsoft accounts."""


class DirectoryRole(str, Enum):
    """Directory roles that allow a user to change applications, by the ids of their templates.

    https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
    """

    GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
    APPLICATION_ADMINISTRATOR = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
    CLOUD_APPLICATION_ADMINISTRATOR = "158c047a-c907-4556-b7ef-446551a6b5f7"
    HYBRID_IDENTITY_ADMINISTRATOR = "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2"


OWNED_BY = "Application.ReadWrite.OwnedBy"
"""The application permission that is limited to the objects that its holder owns."""


class Permission(Enum):
    """What an operation requires of an application: any of these permissions."""

    SYNCHRONIZATION_WRITE = frozenset(
        {OWNED_BY, "Application.ReadWrite.All", "Synchronization.ReadWrite.All"}
    )
    SYNCHRONIZATION_READ = SYNCHRONIZATION_WRITE | {"Synchronization.Read.All"}
    DIRECTORY_WRITE = frozenset({OWNED_BY, "Application.ReadWrite.All", "Directory.ReadWrite.All"})
    DIRECTORY_READ = DIRECTORY_WRITE | {"Application.Read.All", "Directory.Read.All"}

    @property
    def is_synchronization(self) -> bool:
        """Whether it belongs to the synchronization API, which has errors of its own."""
        return self in (Permission.SYNCHRONIZATION_READ, Permission.SYNCHRONIZATION_WRITE)

    def is_granted(self, caller: AccessTokenClaims) -> bool:
        """Whether the caller has the permission, at least for its own objects.

        A user needs the delegated permission and, for synchronization, a directory role:
        https://learn.microsoft.com/graph/api/synchronization-synchronization-acquireaccesstoken
        """
        if caller.scopes:
            delegated = self.value & {*caller.scopes} - {OWNED_BY}
            if not self.is_synchronization:
                return bool(delegated)
            is_administrator = not {*DirectoryRole}.isdisjoint(caller.directory_roles)
            return is_administrator and any(s.startswith("Synchronization.") for s in delegated)
        return not self.value.isdisjoint(caller.roles)

    def is_limited_to_owners(self, caller: AccessTokenClaims) -> bool:
        """Whether the caller has the permission for its own objects only."""
        return self.value.intersection(caller.roles) == {OWNED_BY}
