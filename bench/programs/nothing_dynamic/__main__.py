"""As many dynamic resources with the same inputs, of a provider that does nothing."""

import json
from pathlib import Path

import pulumi
from nothing import Nothing, NothingProvider  # type: ignore[import-not-found]  # beside it

for number, (principal, token) in enumerate(json.loads(Path("inputs.json").read_text())):
    Nothing(
        NothingProvider(),
        f"a{number}",
        {
            "servicePrincipalId": principal,
            "credentials": pulumi.Output.secret(
                {"BaseAddress": "https://scim.example/v2", "SecretToken": token}
            ),
        },
    )
