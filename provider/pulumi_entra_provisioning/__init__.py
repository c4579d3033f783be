"""Provisioning authorization of Microsoft Entra, as a Pulumi resource."""

from .credentials import (
    Credentials,
    FromEnvironment,
    FromFile,
    NotificationSettings,
    from_environment,
    from_file,
)
from .dynamic_provider import ProvisioningAuthorizationProvider
from .errors import ProvisioningError, RequestError, SettingsError, SignInError
from .resource import ProvisioningAuthorization

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
