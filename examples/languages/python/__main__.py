"""Authorizes two service principals."""

import pulumi
import pulumi_entra_provisioning_native as entra

config = pulumi.Config()

directory = entra.ProvisioningAuthorization(
    "directory",
    service_principal_id=config.require("directoryId"),
    credentials=entra.CredentialsArgs(
        base_address="https://scim.contoso.example/v2",
        secret_token=config.require_secret("scimToken"),
    ),
)

wiki = entra.ProvisioningAuthorization(
    "wiki",
    service_principal_id=config.require("wikiId"),
    credentials=entra.CredentialsArgs(
        base_address="https://wiki.contoso.example/scim",
        # The provider reads the variable. The state and the engine's logs never hold its value.
        secret_token=entra.FromEnvironmentArgs(from_environment="WIKI_TOKEN"),
    ),
)

available = entra.get_synchronization_templates_output(
    service_principal_id=config.require("directoryId")
)

pulumi.export("directoryAuthorizedAt", directory.authorized_at)
pulumi.export("wikiStatus", wiki.status)
pulumi.export("templateId", available.templates[0].id)
