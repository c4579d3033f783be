"""The built package, and virtual environments with it, made by uv in seconds."""

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
    """Run a command and return its output. Another exit status than expected fails the test.

    By default, PYTHONPATH is unset.
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
    """The distributions of the package, built from the current sources."""

    wheel: Path
    sdist: Path

    def requirement(self, extras: str = "") -> str:
        """The requirement that makes pip install the wheel."""
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
        """The folder of its programs."""
        return self.folder / "bin"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.programs / "python"

    def install(self, *packages: str) -> None:
        """Install packages, given as pip requirements."""
        into = ["--python", str(self.python)]
        run([*UV, "pip", "install", "--quiet", *into, *packages], self.folder, _uv_variables())

    def variables(self, home: Path) -> dict[str, str]:
        """The variables of a Pulumi CLI that uses this environment instead of the tests' own."""
        usual = cli_environment(home)
        return {
            **usual,
            "PATH": usual["PATH"].replace(str(Path(sys.executable).parent), str(self.programs)),
            "VIRTUAL_ENV": str(self.folder),
        }


def environment(folder: Path, *packages: str, python: str | Path = sys.executable) -> Environment:
    """A new virtual environment with `packages`, in a folder that does not exist yet."""
    made = Environment(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # With pip: the Pulumi CLI runs it to list the installed packages.
    options = ["--quiet", "--seed", "--python", str(python)]
    run([*UV, "venv", *options, str(folder)], folder.parent, _uv_variables())
    made.install(*packages)
    return made


def _uv_variables() -> dict[str, str]:
    """uv's index and certificates. uv does not read pip's configuration."""
    # `pip config get` reads only one file.
    listed = run([sys.executable, "-m", "pip", "config", "list"], REPOSITORY)
    pip = dict(line.partition("=")[::2] for line in listed.splitlines())
    found = {
        variable: ast.literal_eval(pip[key])
        for variable, name in (("UV_DEFAULT_INDEX", "index-url"), ("SSL_CERT_FILE", "cert"))
        for key in (f"global.{name}", f"install.{name}", f":env:.{name}")
        if key in pip
    }
    return {"UV_SYSTEM_CERTS": "true", **found, **os.environ}
