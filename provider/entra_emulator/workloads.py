"""The environment variables of a program that uses the emulator, by where the program runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from .entra.federation import ISSUERS_PATH, Federation
from .entra.managed_identity import APP_SERVICE_PATH, ManagedIdentities
from .tenant.default_tenant import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_SERVICE_CONNECTION_ID,
)

Workload = Literal[
    "github-actions", "azure-devops", "gitlab", "kubernetes", "virtual-machine", "app-service"
]
"""Where a program runs without a secret of its own."""

# Variables that select an identity or an endpoint, by prefix. Left in place, they would override
# the emulator's, or send a real secret to it.
_IDENTITY_VARIABLES = (
    *(
        f"{prefix}_{name}"
        for prefix in ("ENTRA_PROVISIONING", "ARM", "AZURE")
        for name in (
            "AUTHORITY_HOST",
            "CA_FILE",
            "CLIENT_",
            "ENVIRONMENT",
            "FEDERATED_TOKEN_FILE",
            "GRAPH_ENDPOINT",
            "OIDC_",
            "PASSWORD",
            "SETTINGS_FROM_ENVIRONMENT",
            "TENANT_ID",
            "USERNAME",
            "USE_",
        )
    ),
    "ACTIONS_ID_TOKEN_REQUEST_",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "AZURESUBSCRIPTION_",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "MSI_SECRET",
    "SYSTEM_OIDCREQUESTURI",
)


def without_identity(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the variables that select an identity or an endpoint."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_IDENTITY_VARIABLES)
    }


class Environments:
    """The environments of programs that use the emulator at `url`."""

    def __init__(
        self,
        url: str,
        ca_file: Path,
        tenant_id: str,
        federation: Federation,
        identities: ManagedIdentities,
    ) -> None:
        self._url = url
        self._ca_file = ca_file
        self._tenant_id = tenant_id
        self._federation = federation
        self._identities = identities

    def of_default_client(self) -> dict[str, str]:
        """The environment of a program with the default client's secret."""
        return {
            **self._endpoints(),
            "AZURE_CLIENT_ID": DEFAULT_CLIENT_ID,
            "AZURE_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
        }

    def of_workload(self, workload: Workload) -> dict[str, str]:
        """The environment of a program that runs there. ValueError for an unknown workload."""
        return {**self._endpoints(), **self._identity_of(workload)}

    def _identity_of(self, workload: Workload) -> dict[str, str]:
        client = {"AZURE_CLIENT_ID": DEFAULT_CLIENT_ID}
        issuers = f"{self._url}{ISSUERS_PATH}"
        if workload == "github-actions":
            return {
                # Like GitHub's, it has a query already, to which a program adds the audience.
                "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuers}/github-actions/token?api-version=2.0",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self._federation.request_token,
                **client,
            }
        if workload == "azure-devops":
            return {
                "SYSTEM_OIDCREQUESTURI": f"{issuers}/azure-devops/token",
                "SYSTEM_ACCESSTOKEN": self._federation.request_token,
                "AZURESUBSCRIPTION_CLIENT_ID": DEFAULT_CLIENT_ID,
                "AZURESUBSCRIPTION_TENANT_ID": self._tenant_id,
                "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": DEFAULT_SERVICE_CONNECTION_ID,
                **client,
            }
        if workload == "gitlab":
            return {"ARM_OIDC_TOKEN": self._federation.token("gitlab"), **client}
        if workload == "kubernetes":
            file = self._ca_file.with_name("federated-token")
            file.write_text(self._federation.token("kubernetes"))
            return {
                "AZURE_FEDERATED_TOKEN_FILE": str(file),
                "AZURE_AUTHORITY_HOST": self._url,
                **client,
            }
        if workload == "virtual-machine":
            return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": self._url}
        if workload == "app-service":
            return {
                "IDENTITY_ENDPOINT": f"{self._url}{APP_SERVICE_PATH}",
                "IDENTITY_HEADER": self._identities.header,
            }
        raise ValueError(f"the workload must be one of {', '.join(get_args(Workload))}")

    def _endpoints(self) -> dict[str, str]:
        names = [name for name in os.environ.get("NO_PROXY", "").split(",") if name]
        no_proxy = ",".join(dict.fromkeys([*names, "127.0.0.1", "localhost"]))
        return {
            "ENTRA_PROVISIONING_GRAPH_ENDPOINT": self._url,
            "ENTRA_PROVISIONING_AUTHORITY_HOST": self._url,
            "ENTRA_PROVISIONING_CA_FILE": str(self._ca_file),
            # These variables override a stack's configuration: its real endpoints and client.
            "ENTRA_PROVISIONING_SETTINGS_FROM_ENVIRONMENT": "true",
            "AZURE_TENANT_ID": self._tenant_id,
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
        }
