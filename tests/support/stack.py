"""A stack of the real Pulumi CLI, with a program, a state and a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID

REPOSITORY = Path(__file__).parents[2]
PASSPHRASE = "the-passphrase-of-the-tests"

PREAMBLE = """\
import pulumi
from pulumi_entra_provisioning import ProvisioningAuthorization
config = pulumi.Config()
"""

BEARER = f"""
ProvisioningAuthorization(
    "directory",
    service_principal_id="{DEFAULT_SERVICE_PRINCIPAL_ID}",
    credentials={{
        "BaseAddress": "https://scim.example/v2",
        "SecretToken": config.require_secret("token"),
    }},
)
"""


def cli_environment(home: Path) -> dict[str, str]:
    """The environment of a Pulumi CLI that knows no account and nothing of this machine's user."""
    own = ("AZURE_", "ARM_", "PULUMI_", "ENTRA_PROVISIONING_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    folders = [REPOSITORY / ".pulumi/bin", Path(sys.executable).parent]
    return {
        **kept,
        "PATH": os.pathsep.join([*map(str, folders), os.environ["PATH"]]),
        "VIRTUAL_ENV": str(Path(sys.executable).parents[1]),
        "PULUMI_HOME": str(home),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }


@dataclass
class Stack:
    """A Pulumi project in `folder`, empty unless one is there already.

    `environment` is what its commands see beside the CLI's own.
    """

    folder: Path
    environment: Mapping[str, str]
    printed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._state = self.folder / "state"
        self._state.mkdir(parents=True)
        if not (self.folder / "Pulumi.yaml").exists():
            (self.folder / "Pulumi.yaml").write_text("name: tested\nruntime: python\n")
            self.program("")
        self.pulumi("stack", "init", "dev")

    def program(self, source: str) -> None:
        """Make `source` the program of the project."""
        (self.folder / "__main__.py").write_text(textwrap.dedent(source))

    def configure(self, **values: str) -> None:
        """Set plain configuration values of the project."""
        pairs = [f"--plaintext={key}={value}" for key, value in values.items()]
        self.pulumi("config", "set-all", *pairs)

    def configure_secret(self, **values: str) -> None:
        """Set secret configuration values of the project."""
        pairs = [f"--secret={key}={value}" for key, value in values.items()]
        self.pulumi("config", "set-all", *pairs)

    def pulumi(self, *arguments: str, succeeds: bool = True) -> str:
        """Run the CLI; its whole output. Fails the test where it ends otherwise than expected."""
        finished = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color=never"],
            cwd=self.folder,
            env=self.whole_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        self.printed.append(finished.stdout)
        assert (finished.returncode == 0) is succeeds, finished.stdout
        return finished.stdout

    def whole_environment(self) -> dict[str, str]:
        """What a command of this stack sees."""
        return {
            **cli_environment(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self._state}",
            **self.environment,
        }

    def up(self, *options: str, succeeds: bool = True) -> str:
        """`pulumi up`, without a preview of its own."""
        return self.pulumi("up", "--yes", "--skip-preview", *options, succeeds=succeeds)

    def preview(self, *options: str, succeeds: bool = True) -> str:
        """`pulumi preview`."""
        return self.pulumi("preview", *options, succeeds=succeeds)

    def refresh(self, *options: str, succeeds: bool = True) -> str:
        """`pulumi refresh`."""
        return self.pulumi("refresh", "--yes", "--skip-preview", *options, succeeds=succeeds)

    def destroy(self, *options: str, succeeds: bool = True) -> str:
        """`pulumi destroy`."""
        return self.pulumi("destroy", "--yes", "--skip-preview", *options, succeeds=succeeds)

    def exported(self, *options: str) -> dict[str, Any]:
        """The state, as `pulumi stack export` gives it."""
        state: dict[str, Any] = json.loads(self.pulumi("stack", "export", *options))
        return state

    def authorizations(self, *options: str) -> dict[str, dict[str, Any]]:
        """The authorizations of the state by their name."""
        resources = self.exported(*options)["deployment"].get("resources", [])
        return {
            resource["urn"].rpartition("::")[2]: resource
            for resource in resources
            if resource["type"].endswith(":ProvisioningAuthorization")
        }

    def written(self) -> str:
        """Everything that the CLI and its plugins wrote to files, the program aside."""
        return "\n".join(
            path.read_bytes().decode(errors="replace")
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.suffix not in (".py", ".pyc")
        )
