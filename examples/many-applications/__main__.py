"""Many applications, declared in a YAML file.

Use it for a team that adds an application with a pull request on applications.yaml. The file holds
no secret. It names the secrets in the stack configuration.

    pulumi config set --secret fabrikamToken
    pulumi config set --secret northwindToken
    pulumi config set --secret tailspinToken

The names in the file are the names in the stack. If you rename an entry, it is authorized again. To
try the program on a tenant that has these applications, run `entra-emulator run --seed seed.yaml --
pulumi up`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi
import yaml
from pulumi_entra_provisioning import ProvisioningAuthorization


@dataclass(frozen=True)
class Application:
    """An entry of applications.yaml."""

    service_principal_id: str
    base_address: str
    secret_token: str


class ProvisionedApplication(pulumi.ComponentResource):
    """An application with everything that its provisioning needs. Add a job or an alert here."""

    authorized_at: pulumi.Output[str | None]

    def __init__(
        self, name: str, application: Application, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("contoso:provisioning:ProvisionedApplication", name, {}, opts)
        authorization = ProvisioningAuthorization(
            name,
            service_principal_id=application.service_principal_id,
            credentials={
                "BaseAddress": application.base_address,
                "SecretToken": pulumi.Config().require_secret(application.secret_token),
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.authorized_at = authorization.authorized_at
        self.register_outputs({"authorizedAt": self.authorized_at})


declared = yaml.safe_load(Path(__file__).with_name("applications.yaml").read_text())
applications = {
    name: ProvisionedApplication(name, Application(**entry)) for name, entry in declared.items()
}

pulumi.export("authorizedAt", {name: made.authorized_at for name, made in applications.items()})
