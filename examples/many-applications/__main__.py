"""Many applications, declared in a YAML file.

For a team that adds an application with a pull request on applications.yaml. The file holds no
secret: it names those that the stack's configuration holds.

    pulumi config set --secret fabrikamToken
    pulumi config set --secret northwindToken
    pulumi config set --secret tailspinToken

The names in the file are the names in the stack: an entry that is renamed is authorized once more.
`entra-emulator run --seed seed.yaml -- pulumi up` tries it on a tenant that has these applications.
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
    """An application with all that its provisioning needs: the place for a job or an alert."""

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
