"""Authorizations with the dynamic resource."""

import json
from pathlib import Path

import pulumi
from pulumi_entra_provisioning import ProvisioningAuthorization

for number, (principal, token) in enumerate(json.loads(Path("inputs.json").read_text())):
    ProvisioningAuthorization(
        f"a{number}",
        service_principal_id=principal,
        credentials={
            "BaseAddress": "https://scim.example/v2",
            "SecretToken": pulumi.Output.secret(token),
        },
    )
