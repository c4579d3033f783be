"""The environment of another machine or pipeline."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from support.hostile_server import HostileServer, Trick


@pytest.fixture(scope="module")
def no_managed_identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a managed identity endpoint that refuses every request."""
    folder = tmp_path_factory.mktemp("no-identity")
    with HostileServer({"": Trick(400)}, folder, name="") as server:
        yield server.url


@pytest.fixture
def path(tmp_path: Path, no_managed_identity: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is first on PATH, before only /usr/bin and /bin, on a machine outside Azure."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", no_managed_identity)
    for name in [name for name in os.environ if name.startswith(("AZURE_CLIENT", "IDENTITY_"))]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], None]:
    """Set the environment of this process, without variables of other identities.

    azure-identity reads some variables only from the process.
    """
    prefixes = ("ACTIONS_", "ARM_", "AZURE_", "IDENTITY_", "IMDS_", "MSI_", "SYSTEM_")
    # Set first, so that monkeypatch restores them even if the provider changes them.
    for name in ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "SYSTEM_OIDCREQUESTURI"):
        monkeypatch.setenv(name, "")

    def become(variables: Mapping[str, str]) -> None:
        for name in [name for name in os.environ if name.startswith(prefixes)]:
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return become
