"""The repository as a source plugin: `pulumi package add`, then `pulumi install` elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from support.readme import block, page
from support.stack import REPOSITORY, Stack, cli_environment
from support.tenant import held

# With this version, Pulumi began to run a source plugin of Python by the plugin's own __main__.py.
OLDEST = (3, 231)

pytestmark = pytest.mark.languages


def folders() -> list[Path]:
    """The folders of PATH, without those of this virtual environment, which has the plugin."""
    own = Path(sys.executable).parent
    path = cli_environment(Path.home())["PATH"].split(os.pathsep)
    return [Path(folder) for folder in path if folder and Path(folder) != own]


def version(host: Path) -> tuple[int, ...]:
    """The version of a language host. Those that cannot show it are older than OLDEST."""
    shown = subprocess.run([host, "-version"], capture_output=True, text=True).stdout
    found = re.fullmatch(r"v?(\d+)\.(\d+)\..*\s*", shown)
    return tuple(map(int, found.groups())) if found else (0,)


def language_host(language: str, oldest: tuple[int, ...] = (0,)) -> Path:
    """The first language host on PATH that is new enough."""
    for folder in folders():
        host = folder / f"pulumi-language-{language}"
        if host.exists() and version(host) >= oldest:
            return host
    wanted = " ".join([f"pulumi-language-{language}", ".".join(map(str, oldest)) + " or later"])
    pytest.skip(f"needs {wanted.removesuffix(' 0 or later')} on PATH: Pulumi's release has it")


@pytest.fixture
def environment(emulator: Emulator, tmp_path: Path) -> dict[str, str]:
    """Commands that find the hosts, and neither this virtual environment nor its plugin."""
    hosts = tmp_path / "hosts"
    hosts.mkdir()
    found = {language_host("python", OLDEST), language_host("yaml")}
    for host in found:
        # It finds its own scripts beside itself.
        for file in host.parent.glob("pulumi-*"):
            if not (hosts / file.name).exists() and (
                file in found or not file.name.startswith("pulumi-language-")
            ):
                (hosts / file.name).symlink_to(file)
    return {
        **emulator.environment,
        "PATH": os.pathsep.join(map(str, [hosts, *folders()])),
        "PULUMI_PYTHON_CMD": sys.executable,
        "VIRTUAL_ENV": "",
    }


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """The files of this repository as they are now, as a clone has them."""
    folder = tmp_path / "clone"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.check_output(listing, cwd=REPOSITORY, text=True)
    for name in listed.split("\0"):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / name, folder / name)
    yield folder
    shutil.rmtree(folder)  # with a virtual environment of 250 MB


def test_a_program_runs_after_package_add_and_from_a_clean_checkout_after_install(
    emulator: Emulator, environment: dict[str, str], clone: Path, tmp_path: Path
) -> None:
    program = block("yaml", "runtime: yaml", page("_index"))
    edited = tmp_path / "edited"
    edited.mkdir()
    (edited / "Pulumi.yaml").write_text(program)
    first = Stack(edited, environment)
    assert "Added package" in first.pulumi("package", "add", "../clone")
    declared = (edited / "Pulumi.yaml").read_text()
    assert declared.startswith(program.rstrip())
    assert "entra-provisioning: ../clone" in declared
    assert (clone / "venv").is_dir()

    shutil.rmtree(clone / "venv")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "Pulumi.yaml").write_text(declared)
    stack = Stack(checkout, environment)
    stack.pulumi("install")
    stack.configure(servicePrincipalId=DEFAULT_SERVICE_PRINCIPAL_ID)
    stack.configure_secret(scimToken="t0ken")
    stack.up()
    assert held(emulator)["SecretToken"] == "t0ken"
    assert "2 unchanged" in stack.up()
    stack.destroy()
    assert held(emulator) == {}
