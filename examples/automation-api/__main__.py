"""An authorization from within a Python service, without a project: Pulumi's Automation API.

For a portal or a bot whose users bring the credentials. Call `authorize`, or try it:

    export PULUMI_BACKEND_URL=…  # where the stacks live, one for each service principal
    export PULUMI_CONFIG_PASSPHRASE=…  # or another secrets provider
    python examples/automation-api "$SERVICE_PRINCIPAL_ID" < credentials.json

It needs the Pulumi CLI on the PATH, a virtual environment that is active, and the caller in
`ENTRA_PROVISIONING_…`, `ARM_…` or `AZURE_…`. The credentials come on standard input: arguments are
seen by everybody on the machine. The same credentials again send nothing. What fails raises
`pulumi.automation.CommandError`, whose message holds no credential.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pulumi
from pulumi import automation
from pulumi_entra_provisioning import Credentials, ProvisioningAuthorization


def authorize(service_principal_id: str, credentials: Credentials) -> dict[str, Any]:
    """Authorize a service principal, in a stack of its own; what is known of it then."""

    def program() -> None:
        authorization = ProvisioningAuthorization(
            "authorization", service_principal_id=service_principal_id, credentials=credentials
        )
        pulumi.export("target", authorization.target)
        pulumi.export("status", authorization.status)
        pulumi.export("authorizedAt", authorization.authorized_at)
        pulumi.export("revision", authorization.revision)

    stack = automation.create_or_select_stack(
        stack_name=service_principal_id, project_name="automation-api", program=program
    )
    # With `on_output` the service can log what the CLI prints, which holds no credential.
    outputs = stack.up().outputs
    return {name: output.value for name, output in outputs.items()}


if __name__ == "__main__":
    print(json.dumps(authorize(sys.argv[1], json.load(sys.stdin)), indent=2))
