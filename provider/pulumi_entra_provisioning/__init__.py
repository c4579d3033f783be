"""Provisioning authorization of Microsoft Entra, as a Pulumi resource."""

from .authorization import ProvisioningAuthorization, ProvisioningAuthorizationProvider
from .errors import ProvisioningError, RequestError, SettingsError, SignInError

__all__ = [
    "ProvisioningAuthorization",
    "ProvisioningAuthorizationProvider",
    "ProvisioningError",
    "RequestError",
    "SettingsError",
    "SignInError",
]

# States remember the provider by this name, and errors are read by it: a module that is renamed
# or split changes neither.
for _name in __all__:
    globals()[_name].__module__ = __name__
