"""Who takes part, and how each creates, changes, refreshes and destroys authorizations."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from support.native import NativeStack
from support.stack import Stack

from .emulated import Emulated

Step = Literal["create", "unchanged", "one secret changed", "refresh", "destroy"]

STEPS: Final[tuple[Step, ...]] = (
    "create",
    "unchanged",
    "one secret changed",
    "refresh",
    "destroy",
)

FLOOR: Final = "no-op dynamic resource"
"""What the engine and Pulumi's SDK take for themselves."""

_PROGRAMS = Path(__file__).with_name("programs")
_PARALLEL = 64


@dataclass(frozen=True)
class State:
    """Bytes of a resource in the state, with and without where the program declares it."""

    whole: int
    without_positions: int


class Project(ABC):
    """A program in a folder with its own state, which each step changes."""

    def __init__(self, folder: Path, principals: Sequence[str]) -> None:
        self.folder = folder
        self._principals = principals

    def declare(self, step: Step) -> None:
        """Write the inputs of the program for a step."""
        tokens = [f"token-{number}" for number in range(len(self._principals))]
        if step not in ("create", "unchanged"):
            tokens[0] = "another-token"
        pairs = list(zip(self._principals, tokens, strict=True))
        (self.folder / "inputs.json").write_text(json.dumps(pairs))

    @property
    @abstractmethod
    def environment(self) -> Mapping[str, str]:
        """The variables of its commands."""

    @abstractmethod
    def command(self, step: Step, latency: int) -> list[str]:
        """The command that carries out a step."""

    @abstractmethod
    def state(self) -> State:
        """How much the state holds of a resource, on average."""


class Contender(ABC):
    """One way to authorize. `provider` is in the command line of its provider's process."""

    name: str
    provider: str
    makes_calls = True
    is_slow = False
    """Whether a run has no time to repeat it, nor for many authorizations."""

    def unavailable(self, folder: Path) -> str:
        """Why it cannot take part here, or "". `folder` is its own."""
        return ""

    def parallel(self, latency: int) -> str:
        """How many operations at once it asks for."""
        return "default"

    @abstractmethod
    def project(self, folder: Path, emulator: Emulated, principals: Sequence[str]) -> Project:
        """A new project that authorizes these service principals."""


@dataclass(frozen=True)
class Pulumi(Contender):
    """A program of Pulumi. With `many`, many operations at once where answers take time."""

    name: str
    program: str
    provider: str
    stack: type[Stack] = Stack
    makes_calls: bool = True
    many: bool = False

    def parallel(self, latency: int) -> str:
        """How many operations at once it asks the engine for."""
        return str(_PARALLEL) if latency and self.many else "default"

    def project(self, folder: Path, emulator: Emulated, principals: Sequence[str]) -> Project:
        """A new stack with a copy of the program."""
        stack = self.stack(folder, emulator.environment())
        shutil.copytree(_PROGRAMS / self.program, folder, dirs_exist_ok=True)
        return _PulumiProject(stack, principals, self)


class _PulumiProject(Project):
    def __init__(self, stack: Stack, principals: Sequence[str], contender: Pulumi) -> None:
        super().__init__(stack.folder, principals)
        self._stack = stack
        self._contender = contender

    @property
    def environment(self) -> Mapping[str, str]:
        return self._stack.whole_environment()

    def command(self, step: Step, latency: int) -> list[str]:
        verb = step if step in ("refresh", "destroy") else "up"
        quiet = ("--yes", "--skip-preview", "--suppress-outputs", "--suppress-progress")
        parallel = self._contender.parallel(latency)
        options = [] if parallel == "default" else [f"--parallel={parallel}"]
        return ["pulumi", verb, *quiet, "--non-interactive", "--color=never", *options]

    def state(self) -> State:
        resources = [
            resource
            for resource in self._stack.deployment()["resources"]
            if not resource["type"].startswith("pulumi:")
        ]
        positions = ("sourcePosition", "stackTrace")
        bare = [
            {name: value for name, value in resource.items() if name not in positions}
            for resource in resources
        ]
        return State(_average(resources), _average(bare))


class Azuread(Contender):
    """The resource azuread_synchronization_secret, with Terraform or OpenTofu."""

    name = "Terraform azuread"
    provider = "terraform-provider-azuread"
    is_slow = True

    def unavailable(self, folder: Path) -> str:
        """Why it cannot take part: no command, or no provider."""
        command = _terraform()
        if command is None:
            return "neither terraform nor tofu is on PATH"
        shutil.copytree(_PROGRAMS / "azuread", folder)
        started = subprocess.run(
            [command, "init", "-no-color"],
            cwd=folder,
            env={**os.environ, **_QUIET},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if started.returncode:
            return f"{Path(command).name} init cannot install the provider hashicorp/azuread"
        self._initialized = folder
        return ""

    def project(self, folder: Path, emulator: Emulated, principals: Sequence[str]) -> Project:
        """A copy of the configuration with the provider in it."""
        shutil.copytree(self._initialized, folder, symlinks=True)
        return _TerraformProject(folder, emulator, principals)


_QUIET = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}


class _TerraformProject(Project):
    def __init__(self, folder: Path, emulator: Emulated, principals: Sequence[str]) -> None:
        super().__init__(folder, principals)
        variables = emulator.environment()
        url, ca_file = emulator.address()
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ARM_")},
            **_QUIET,
            "ARM_METADATA_HOSTNAME": url.removeprefix("https://"),
            "ARM_TENANT_ID": variables["AZURE_TENANT_ID"],
            "ARM_CLIENT_ID": variables["AZURE_CLIENT_ID"],
            "ARM_CLIENT_SECRET": variables["AZURE_CLIENT_SECRET"],
            "NO_PROXY": variables["NO_PROXY"],
            "SSL_CERT_FILE": ca_file,
        }

    @property
    def environment(self) -> Mapping[str, str]:
        return self._environment

    def command(self, step: Step, latency: int) -> list[str]:
        verb = {"refresh": ["apply", "-refresh-only"], "destroy": ["destroy"]}.get(step, ["apply"])
        return [_terraform() or "terraform", *verb, "-auto-approve", "-no-color"]

    def state(self) -> State:
        state = json.loads((self.folder / "terraform.tfstate").read_text())
        (resource,) = (found for found in state["resources"] if found["mode"] == "managed")
        size = _average(resource["instances"])
        return State(size, size)


def _terraform() -> str | None:
    return shutil.which("tofu") or shutil.which("terraform")


def _average(resources: list[dict[str, Any]]) -> int:
    sizes = [len(json.dumps(resource, separators=(",", ":"))) for resource in resources]
    return round(sum(sizes) / len(sizes))


CONTENDERS: Final[tuple[Contender, ...]] = (
    Pulumi("dynamic resource", "dynamic", "pulumi.dynamic"),
    Pulumi(
        "provider plugin", "plugin", "pulumi-resource-entra-provisioning", NativeStack, many=True
    ),
    Pulumi(FLOOR, "nothing_dynamic", "pulumi.dynamic", makes_calls=False),
    Pulumi("no-op plugin", "nothing_plugin", "nothing_plugin.py", makes_calls=False),
    Azuread(),
)
