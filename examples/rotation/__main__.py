"""Authorized again each quarter, and whenever the token in Azure Key Vault changes.

For a pipeline that runs `pulumi up` every night: it sends nothing until the quarter or the token
changes, and then authorizes once.

    pulumi config set servicePrincipalId "$SERVICE_PRINCIPAL_ID"
    pulumi config set baseAddress https://scim.contoso.example/v2
    pulumi config set today 2027-01-01  # optional: what would happen on that day

Pulumi ESC reads the secrets. `pulumi env init contoso/provisioning/prod --file environment.yaml`
creates the environment that Pulumi.prod.yaml, the file of the stack `prod`, names.

ESC is a service of Pulumi Cloud: with another backend the CLI ends with "does not support
environments". Take `environment:` and the line below it out of Pulumi.prod.yaml then, and set what
it gave: `pulumi config set --secret secretToken`, and the caller, in `azuread:` or `ARM_…`.

What authorizes with an authorization code can't be rotated so: a code works once.
"""

from datetime import date, datetime, timezone

import pulumi
from pulumi_entra_provisioning import ProvisioningAuthorization


def quarter(day: date) -> str:
    """The quarter of a day, such as 2026-Q4."""
    return f"{day.year}-Q{(day.month + 2) // 3}"


config = pulumi.Config()
today = config.get("today")
day = date.fromisoformat(today) if today else datetime.now(timezone.utc).date()

directory = ProvisioningAuthorization(
    "directory",
    service_principal_id=config.require("servicePrincipalId"),
    credentials={
        "BaseAddress": config.require("baseAddress"),
        "SecretToken": config.require_secret("secretToken"),
    },
    triggers={"quarter": quarter(day)},
)

pulumi.export("quarter", directory.triggers["quarter"])
pulumi.export("authorizedAt", directory.authorized_at)
pulumi.export("revision", directory.revision)
