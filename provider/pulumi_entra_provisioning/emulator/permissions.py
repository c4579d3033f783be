"""Who calls, and what an operation asks of them.

https://learn.microsoft.com/graph/permissions-reference
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

OWNED_BY = "Application.ReadWrite.OwnedBy"
"""The role that is good for the objects that its holder owns, and for no others."""


@dataclass(frozen=True)
class Caller:
    """Who a valid access token was issued to, with the application roles that it carries.

    `object_id` is the service principal's, the token's `oid`.
    """

    client_id: str
    object_id: str
    roles: tuple[str, ...]


class Permission(Enum):
    """What an operation needs: any one of these application roles."""

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

    def is_for_owners(self, caller: Caller) -> bool:
        """Whether nothing but ownership of the object lets this caller do it."""
        return self.value.intersection(caller.roles) == {OWNED_BY}
