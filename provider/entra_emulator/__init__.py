"""A Microsoft Entra tenant and its Microsoft Graph on localhost, for unchanged clients.

    with Emulator() as emulator:
        credential = ClientSecretCredential(
            DEFAULT_TENANT_ID,
            DEFAULT_CLIENT_ID,
            DEFAULT_CLIENT_SECRET,
            authority=emulator.url,
            disable_instance_discovery=True,
            connection_verify=emulator.ca_file,
        )

Everything that Microsoft does not document is a setting of `Assumptions`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .assumptions import Assumptions
from .disturb.faults import Fault
from .graph.permissions import PERSONAL_TENANT_ID, DirectoryRole
from .state.model import ClientSecret, FederatedIdentityCredential
from .tenant.default_tenant import (
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
from .tenant.errors import TenantError
from .third_party.authorization_server import (
    DEFAULT_REDIRECT_URI,
    DEFAULT_THIRD_PARTY_CLIENT_ID,
    DEFAULT_THIRD_PARTY_CLIENT_SECRET,
)

if TYPE_CHECKING:
    from .disturb.throttling import Limits
    from .emulator import Emulator
    from .observe.judgement import Finding, Rule

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
    "Limits",
    "Rule",
    "TenantError",
]


# These need the extra, so they are imported on first use: the command names a missing extra, and
# pytest, which imports this package for its plugin in every run, neither fails nor slows down.
_MODULES = {
    "Emulator": ".emulator",
    "Finding": ".observe.judgement",
    "Limits": ".disturb.throttling",
    "Rule": ".observe.judgement",
}

# Hidden from type checkers: they would accept every misspelt name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            return getattr(import_module(_MODULES[name], __name__), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
