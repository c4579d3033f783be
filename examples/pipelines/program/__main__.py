"""Authorizes one service principal for SCIM provisioning with a bearer token."""

import pulumi
from pulumi_entra_provisioning import ProvisioningAuthorization

config = pulumi.Config()

directory = ProvisioningAuthorization(
    "directory",
    service_principal_id=config.require("servicePrincipalId"),
    credentials={
        "BaseAddress": config.require("scimBaseAddress"),
        "SecretToken": config.require_secret("scimToken"),
    },
)
pulumi.export("status", directory.status)
