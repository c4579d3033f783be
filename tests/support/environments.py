"""The built package, and clean virtual environments that have it, made by uv in seconds."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.stack import REPOSITORY, cli_environment

DISTRIBUTION = "pulumi-entra-provisioning"
BUILD = [sys.executable, "-m", "hatchling", "build"]
UV = [sys.executable, "-m", "uv"]


def run(
    command: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    status: int = 0,
) -> str:
    """The whole output of a command, which fails the test where it ends otherwise than expected.

    Python imports from that folder alone: no PYTHONPATH counts.
    """
    finished = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": ""} if environment is None else environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert finished.returncode == status, finished.stdout
    return finished.stdout


@dataclass(frozen=True)
class Built:
    """The distributions of the package, as the sources are now."""

    wheel: Path
    sdist: Path

    def requirement(self, extras: str = "") -> str:
        """What pip installs to have the wheel."""
        return f"{DISTRIBUTION}{extras} @ {self.wheel.as_uri()}"


def build(folder: Path) -> Built:
    """Build both distributions in a folder."""
    run([*BUILD, "--directory", folder], REPOSITORY)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Built(wheel, sdist)


@dataclass(frozen=True)
class Environment:
    """A virtual environment in `folder`."""

    folder: Path

    @property
    def programs(self) -> Path:
        """Its folder of programs."""
        return self.folder / "bin"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.programs / "python"

    def install(self, *packages: str) -> None:
        """Add packages, in pip's notation."""
        into = ["--python", str(self.python)]
        run([*UV, "pip", "install", "--quiet", *into, *packages], self.folder, _uv_variables())

    def variables(self, home: Path) -> dict[str, str]:
        """What a Pulumi CLI sees that has this environment and not the tests' own."""
        usual = cli_environment(home)
        return {
            **usual,
            "PATH": usual["PATH"].replace(str(Path(sys.executable).parent), str(self.programs)),
            "VIRTUAL_ENV": str(self.folder),
        }


def environment(folder: Path, *packages: str, python: str | Path = sys.executable) -> Environment:
    """A new virtual environment with `packages`, in a folder that is not there yet."""
    made = Environment(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # With pip, which the Pulumi CLI asks what is installed.
    options = ["--quiet", "--seed", "--python", str(python)]
    run([*UV, "venv", *options, str(folder)], folder.parent, _uv_variables())
    made.install(*packages)
    return made


def _uv_variables() -> dict[str, str]:
    """Where uv is to look, which does not read what pip is configured with, and whom to trust."""
    # Of all places: `pip config get` looks into one file.
    listed = run([sys.executable, "-m", "pip", "config", "list"], REPOSITORY)
    pip = dict(line.partition("=")[::2] for line in listed.splitlines())
    found = {
        variable: ast.literal_eval(pip[key])
        for variable, name in (("UV_DEFAULT_INDEX", "index-url"), ("SSL_CERT_FILE", "cert"))
        for key in (f"global.{name}", f"install.{name}", f":env:.{name}")
        if key in pip
    }
    return {"UV_SYSTEM_CERTS": "true", **found, **os.environ}
