"""Authorizes again each quarter, and whenever the token in Azure Key Vault changes.

Use it in a pipeline that runs `pulumi up` every night. The program sends nothing until the quarter
or the token changes, and then authorizes once.

    pulumi config set servicePrincipalId "$SERVICE_PRINCIPAL_ID"
    pulumi config set baseAddress https://scim.contoso.example/v2
    pulumi config set today 2027-01-01  # optional: act as on that day

Pulumi ESC reads the secrets. Pulumi.prod.yaml, the file of the stack `prod`, names the environment
to read. To create it, run `pulumi env init contoso/provisioning/prod --file environment.yaml`.

ESC is a service of Pulumi Cloud. With another backend, the CLI fails with "does not support
environments". In that case, remove `environment:` and the line below it from Pulumi.prod.yaml. Then
set the token with `pulumi config set --secret secretToken`, and the caller in `azuread:` or
`ARM_…`.

You cannot rotate an authorization code in this way, because a code works once.
"""

from datetime import date, datetime, timezone

import pulumi
from pulumi_entra_provisioning import ProvisioningAuthorization


def quarter(day: date) -> str:
    """Return the quarter of a day, such as 2026-Q4."""
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
