"""A process with the environment of another machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from support.hostile_server import HostileServer, Trick


@pytest.fixture(scope="module")
def no_machine_of_azures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a service of managed identities that has none, and says so at once."""
    folder = tmp_path_factory.mktemp("no-identity")
    with HostileServer({"": Trick(400)}, folder, name="") as server:
        yield server.url


@pytest.fixture
def path(tmp_path: Path, no_machine_of_azures: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of PATH, beside what every system has; and no service of Azure's to ask."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", no_machine_of_azures)
    for name in [name for name in os.environ if name.startswith(("AZURE_CLIENT", "IDENTITY_"))]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], None]:
    """Makes this process one that has these variables, and none of another identity's.

    azure-identity's classes take some of theirs from nowhere else.
    """
    prefixes = ("ACTIONS_", "ARM_", "AZURE_", "IDENTITY_", "IMDS_", "MSI_", "SYSTEM_")
    # Set first, so that it is as before after the test, whatever the provider puts there.
    for name in ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "SYSTEM_OIDCREQUESTURI"):
        monkeypatch.setenv(name, "")

    def become(variables: Mapping[str, str]) -> None:
        for name in [name for name in os.environ if name.startswith(prefixes)]:
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return become
