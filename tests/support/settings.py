"""The variables of each identity, and the settings that the provider reads from them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pulumi_entra_provisioning.errors import SettingsError
from pulumi_entra_provisioning.identity.lookup import SETTINGS_FROM_ENVIRONMENT
from pulumi_entra_provisioning.identity.settings import Settings, settings

CLIENT_ID = "00000000-0000-4000-8000-0000000c11e0"
CLIENT = {"ARM_TENANT_ID": "t", "ARM_CLIENT_ID": CLIENT_ID}
SECRET = {**CLIENT, "ARM_CLIENT_SECRET": "s"}
CERTIFICATE = {**CLIENT, "ARM_CLIENT_CERTIFICATE": "QUJD"}
OIDC = {**CLIENT, "ARM_USE_OIDC": "true"}
TOKEN = {**OIDC, "ARM_OIDC_TOKEN": "i"}
REQUEST = {**OIDC, "ARM_OIDC_REQUEST_URL": "https://r", "ARM_OIDC_REQUEST_TOKEN": "r"}
PIPELINE = {**REQUEST, "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID": "sc"}
MANAGED = {"ARM_USE_MSI": "true"}
FIRST = {SETTINGS_FROM_ENVIRONMENT: "true"}
AZURE = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": CLIENT_ID, "AZURE_CLIENT_SECRET": "of-azure"}
ANOTHER = CLIENT_ID.replace("c11e0", "c11e1")


def found(stack: Mapping[str, str], environment: Mapping[str, str]) -> Settings:
    """The settings from a stack configuration and environment variables."""
    return settings(stack.get, environment)


def problems(environment: Mapping[str, str], stack: Mapping[str, str] | None = None) -> str:
    """The problems of settings that are refused, one a line."""
    with pytest.raises(SettingsError) as caught:
        found(stack or {}, environment)
    return "\n".join(problem.text for problem in caught.value.problems)
