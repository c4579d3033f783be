"""An authorization from a Python service, with Pulumi's Automation API and without a project.

Use it for a portal or a bot whose users provide the credentials. Call `authorize`, or try it:

    export PULUMI_BACKEND_URL=…  # where the stacks are stored, one for each service principal
    export PULUMI_CONFIG_PASSPHRASE=…  # or another secrets provider
    python examples/automation-api "$SERVICE_PRINCIPAL_ID" < credentials.json

You need the Pulumi CLI on the PATH, an active virtual environment, and the identity of the caller
in `ENTRA_PROVISIONING_…`, `ARM_…` or `AZURE_…` variables. The program reads the credentials from
standard input, because everybody on the machine can see arguments. If you run it again with the
same credentials, it sends nothing. A failure raises `pulumi.automation.CommandError`, whose message
holds no credential.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pulumi
from pulumi import automation
from pulumi_entra_provisioning import Credentials, ProvisioningAuthorization


def authorize(service_principal_id: str, credentials: Credentials) -> dict[str, Any]:
    """Authorize a service principal in its own stack, and return the outputs."""

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
    # Pass `on_output` to log what the CLI prints. It holds no credential.
    outputs = stack.up().outputs
    return {name: output.value for name, output in outputs.items()}


if __name__ == "__main__":
    print(json.dumps(authorize(sys.argv[1], json.load(sys.stdin)), indent=2))
