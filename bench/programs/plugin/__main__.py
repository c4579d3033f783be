"""Authorizations with the provider plugin."""

import json
from pathlib import Path

import pulumi


class ProvisioningAuthorization(pulumi.CustomResource):
    """The resource, as a generated SDK declares it."""


for number, (principal, token) in enumerate(json.loads(Path("inputs.json").read_text())):
    ProvisioningAuthorization(
        "entra-provisioning:index:ProvisioningAuthorization",
        f"a{number}",
        {
            "servicePrincipalId": principal,
            "credentials": pulumi.Output.secret(
                {"BaseAddress": "https://scim.example/v2", "SecretToken": token}
            ),
        },
    )
