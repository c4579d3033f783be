"""Why a tenant refuses an operation. `graph.errors` translates each into Graph's answer.

TenantError
├── NotFoundError                no object of this id
├── MalformedIdError             an id that is not a GUID
├── PropertyError                a property that cannot have this value
├── UnknownApplicationError      an appId without an application
├── ServicePrincipalExistsError  a second service principal for one application
├── OwnerExistsError             an owner that the object already has
├── UnknownKeyError              a key outside the synchronizationSecret enumeration
├── CredentialsRefusedError      credentials that the target does not accept
└── SynchronizationError         another refusal by the synchronization service
"""

from __future__ import annotations

from typing import Literal

from ..assumptions import CredentialsProblem

PropertyProblem = Literal["unknown", "read-only", "null collection", "wrong type", "empty"]


class TenantError(Exception):
    """A refusal by the tenant."""


class NotFoundError(TenantError):
    """The tenant has no object, job or template of this id."""

    def __init__(self, id: str) -> None:
        super().__init__(f"'{id}' does not exist")
        self.id = id


class MalformedIdError(TenantError):
    """The id is not a GUID."""

    def __init__(self, id: str) -> None:
        super().__init__(f"'{id}' is not an object id")
        self.id = id


class PropertyError(TenantError):
    """An object of this type cannot have such a property, or such a value of it."""

    def __init__(self, name: str, type_name: str, problem: PropertyProblem) -> None:
        super().__init__(f"the property '{name}' of {type_name}: {problem}")
        self.name = name
        self.type_name = type_name
        self.problem = problem


class UnknownApplicationError(TenantError):
    """A service principal needs an application with its appId."""

    def __init__(self, app_id: str) -> None:
        super().__init__(f"no application has the appId '{app_id}'")
        self.app_id = app_id


class ServicePrincipalExistsError(TenantError):
    """The application has a service principal in this tenant."""

    def __init__(self, app_id: str) -> None:
        super().__init__(f"the application '{app_id}' has a service principal")
        self.app_id = app_id


class OwnerExistsError(TenantError):
    """The object already has this owner."""


class UnknownKeyError(TenantError):
    """The key is not a member of Graph's synchronizationSecret enumeration, in this case."""

    def __init__(self, key: str) -> None:
        super().__init__(f"'{key}' is not a key of credentials")
        self.key = key


class CredentialsRefusedError(TenantError):
    """The target does not accept the credentials."""

    def __init__(self, problem: CredentialsProblem, message: str) -> None:
        super().__init__(message)
        self.problem = problem
        self.message = message


class SynchronizationError(TenantError):
    """A refusal by the synchronization service, with its own code and message."""

    def __init__(self, code: str, message: str | None = None) -> None:
        super().__init__(f"{code}: {message or 'no message'}")
        self.code = code
        self.message = message
