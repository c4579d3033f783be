"""As many resources with the same inputs, of a provider plugin that does nothing."""

import json
from pathlib import Path

import pulumi


class Nothing(pulumi.CustomResource):
    """The resource, as a generated SDK declares it."""


for number, (principal, token) in enumerate(json.loads(Path("inputs.json").read_text())):
    Nothing(
        "nothing:index:Nothing",
        f"a{number}",
        {
            "servicePrincipalId": principal,
            "credentials": pulumi.Output.secret(
                {"BaseAddress": "https://scim.example/v2", "SecretToken": token}
            ),
        },
    )
