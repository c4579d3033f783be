"""A stack of the real Pulumi CLI with its own program, state and home."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator

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
    """The environment of a Pulumi CLI without an account and without this user's settings."""
    # Python's variables change where it imports from, and make it compile at every start.
    own = (
        *("AZURE_", "ARM_", "PULUMI_", "ENTRA_PROVISIONING_"),
        *("PYTHONPATH", "PYTHONDONTWRITEBYTECODE"),
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    hosts = [REPOSITORY / ".pulumi/bin", REPOSITORY / ".pulumi-hosts"]
    folders = [*hosts, Path(sys.executable).parent]
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
    """A Pulumi project and its stack in `folder`, created if they do not exist.

    `environment` has the variables of its commands besides the CLI's own.
    """

    folder: Path
    environment: Mapping[str, str]
    printed: list[str] = field(default_factory=list)
    command: ClassVar[str] = "pulumi.dynamic"
    preamble: ClassVar[str] = PREAMBLE

    def __post_init__(self) -> None:
        if not (self.folder / "Pulumi.yaml").exists():
            shutil.copytree(_project().name, self.folder)
            self.program("")
        elif not (self.folder / "state").exists():
            (self.folder / "state").mkdir()
            self.pulumi("stack", "init", "dev")

    def program(self, source: str) -> None:
        """Write the program of the project."""
        (self.folder / "__main__.py").write_text(textwrap.dedent(source))

    def declare(self, source: str) -> None:
        """Write the program of the project, after the usual imports."""
        self.program(self.preamble + source)

    def configure(self, **values: str) -> None:
        """Set plain configuration values of the project."""
        self._configure(**values)

    def configure_secret(self, **values: str) -> None:
        """Set secret configuration values of the project."""
        salt = str(yaml.safe_load(self._configuration.read_text())["encryptionsalt"])
        secrets = {key: {"secure": _encrypted(value, salt)} for key, value in values.items()}
        self._configure(**secrets)

    @property
    def _configuration(self) -> Path:
        return self.folder / f"Pulumi.{self.whole_environment()['PULUMI_STACK']}.yaml"

    def _configure(self, **values: object) -> None:
        file = self._configuration
        settings = yaml.safe_load(file.read_text()) if file.exists() else {}
        project = yaml.safe_load((self.folder / "Pulumi.yaml").read_text())["name"]
        for key, value in values.items():
            settings.setdefault("config", {})[key if ":" in key else f"{project}:{key}"] = value
        file.write_text(yaml.safe_dump(settings))

    def pulumi(self, *arguments: str, succeeds: bool = True) -> str:
        """Run the CLI and return its output. Another exit status than expected fails the test."""
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

    def copy(self, folder: Path, environment: Mapping[str, str]) -> Stack:
        """A copy of the project and its state in another folder."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("home"))
        return type(self)(folder, environment)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a deployment in its own process group and return while it runs."""
        options = ("--yes", "--skip-preview", "--non-interactive", "--color=never")
        return subprocess.Popen(
            ["pulumi", *arguments, *options],
            cwd=self.folder,
            env=self.whole_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def plugin_process(self) -> int:
        """The process in which the engine runs the provider, while a deployment runs."""
        if not Path("/proc/self/environ").exists():
            pytest.skip("needs /proc to find the processes of one stack")
        own = f"PULUMI_HOME={self.folder / 'home'}".encode()
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError):  # the process has ended meanwhile
                command, environment = (
                    (process / name).read_bytes() for name in ("cmdline", "environ")
                )
                if self.command.encode() in command and own in environment:
                    return int(process.name)
        raise LookupError("the stack has no plugin process")

    def whole_environment(self) -> dict[str, str]:
        """The environment of this stack's commands."""
        return {
            **cli_environment(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_STACK": "dev",
            **self.environment,
        }

    def up(self, *options: str, succeeds: bool = True) -> str:
        """`pulumi up` without its preview."""
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
        """The state that `pulumi stack export` prints."""
        state: dict[str, Any] = json.loads(self.pulumi("stack", "export", *options))
        return state

    def deployment(self) -> dict[str, Any]:
        """The deployment in the state file of the CLI."""
        (file,) = (self.folder / "state/.pulumi/stacks").glob("*/dev.json")
        latest: dict[str, Any] = json.loads(file.read_text())["checkpoint"]["latest"] or {}
        return latest

    def authorizations(self) -> dict[str, dict[str, Any]]:
        """The authorizations in the state by name."""
        resources = self.deployment().get("resources", [])
        return {
            resource["urn"].rpartition("::")[2]: resource
            for resource in resources
            if resource["type"].endswith(":ProvisioningAuthorization")
        }

    def written(self) -> str:
        """Everything that the CLI and its plugins wrote to files, without the program."""
        return "\n".join(
            path.read_bytes().decode(errors="replace")
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.suffix not in (".py", ".pyc")
        )


def begun(stack: Stack, emulator: Emulator, command: str = "up") -> subprocess.Popen[str]:
    """A deployment whose call has met the fault, and that has had time to act on it."""
    running = stack.begin(command)
    deadline = time.monotonic() + 60
    while emulator.faults.pending:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    return running


def _encrypted(value: str, salt: str) -> str:
    """A secret value as the CLI writes and reads it; `pulumi config` takes a third of a second.

    https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/config/crypt.go
    """
    nonce = os.urandom(12)
    secret = AESGCM(_key(salt)).encrypt(nonce, value.encode(), None)
    return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(secret).decode()}"


@functools.cache
def _key(salt: str) -> bytes:
    """The key of a stack, from the salt in its configuration: `v1:<salt>:<an encrypted word>`."""
    given = base64.b64decode(salt.split(":")[1])
    return hashlib.pbkdf2_hmac("sha256", PASSPHRASE.encode(), given, 1_000_000)


@functools.cache
def _project() -> tempfile.TemporaryDirectory[str]:
    """A project with an empty stack, to copy, because creating one takes half a second."""
    made = tempfile.TemporaryDirectory()
    folder = Path(made.name)
    (folder / "Pulumi.yaml").write_text("name: tested\nruntime: python\n")
    Stack(folder, {})
    shutil.rmtree(folder / "home")
    return made
