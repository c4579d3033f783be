"""An Entra tenant and its Microsoft Graph on localhost, for clients that expect the real ones.

    with Emulator() as emulator:
        credential = ClientSecretCredential(
            DEFAULT_TENANT_ID,
            DEFAULT_CLIENT_ID,
            DEFAULT_CLIENT_SECRET,
            authority=emulator.url,
            disable_instance_discovery=True,
            connection_verify=emulator.ca_file,
        )

What is kept is in `tenant`, who may call in `authority`, what travels in `routes` and `exchange`.
Everything that Microsoft does not document is a setting of `Assumptions`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .assumptions import Assumptions
from .default_tenant import (
    DEFAULT_APP_ID,
    DEFAULT_APPLICATION_ID,
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_SERVICE_CONNECTION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    DEFAULT_SUBJECTS,
    DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID,
    DEFAULT_TENANT_ID,
    DEFAULT_USER_ASSIGNED_CLIENT_ID,
)
from .faults import Fault
from .graph_errors import GraphError
from .permissions import PERSONAL_TENANT_ID, DirectoryRole
from .state import ClientSecret, FederatedIdentityCredential
from .third_party import (
    DEFAULT_REDIRECT_URI,
    DEFAULT_THIRD_PARTY_CLIENT_ID,
    DEFAULT_THIRD_PARTY_CLIENT_SECRET,
)
from .throttling import Limits

if TYPE_CHECKING:
    from .judgement import Finding, Rule
    from .server import Emulator

__all__ = [
    "DEFAULT_APPLICATION_ID",
    "DEFAULT_APP_ID",
    "DEFAULT_CLIENT_ID",
    "DEFAULT_CLIENT_SECRET",
    "DEFAULT_REDIRECT_URI",
    "DEFAULT_SERVICE_CONNECTION_ID",
    "DEFAULT_SERVICE_PRINCIPAL_ID",
    "DEFAULT_SUBJECTS",
    "DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID",
    "DEFAULT_TENANT_ID",
    "DEFAULT_THIRD_PARTY_CLIENT_ID",
    "DEFAULT_THIRD_PARTY_CLIENT_SECRET",
    "DEFAULT_USER_ASSIGNED_CLIENT_ID",
    "PERSONAL_TENANT_ID",
    "Assumptions",
    "ClientSecret",
    "DirectoryRole",
    "Emulator",
    "Fault",
    "FederatedIdentityCredential",
    "Finding",
    "GraphError",
    "Limits",
    "Rule",
]


# What needs the extra is loaded on first use, so that the command can name the extra instead of
# failing on import.
_LOADED_LATE = {"Emulator": ".server", "Finding": ".judgement", "Rule": ".judgement"}

# Type checkers are not shown this: to them every misspelt name would exist.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _LOADED_LATE:
            return getattr(import_module(_LOADED_LATE[name], __name__), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
