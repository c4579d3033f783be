"""Provisioning authorization of Microsoft Entra, as a Pulumi resource."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .authorization import ProvisioningAuthorization, ProvisioningAuthorizationProvider
    from .credentials import (
        Credentials,
        FromEnvironment,
        FromFile,
        NotificationSettings,
        from_environment,
        from_file,
    )
    from .errors import ProvisioningError, RequestError, SettingsError, SignInError

__all__ = [
    "Credentials",
    "FromEnvironment",
    "FromFile",
    "NotificationSettings",
    "ProvisioningAuthorization",
    "ProvisioningAuthorizationProvider",
    "ProvisioningError",
    "RequestError",
    "SettingsError",
    "SignInError",
    "from_environment",
    "from_file",
]

_LOADED_LATE = {
    "ProvisioningAuthorization": ".authorization",
    "ProvisioningAuthorizationProvider": ".authorization",
    "Credentials": ".credentials",
    "FromEnvironment": ".credentials",
    "FromFile": ".credentials",
    "NotificationSettings": ".credentials",
    "from_environment": ".credentials",
    "from_file": ".credentials",
    "ProvisioningError": ".errors",
    "RequestError": ".errors",
    "SettingsError": ".errors",
    "SignInError": ".errors",
}

# Every run of pytest imports this package for its plugin, whether or not a test uses it, and Pulumi
# takes half a second. Type checkers are not shown this: to them every misspelt name would exist.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _LOADED_LATE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_LOADED_LATE[name], __name__), name)

    def __dir__() -> list[str]:
        return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
