"""Runs the program on the emulator. The fixture `entra_emulator` gives each test its own tenant."""

import subprocess
from pathlib import Path

import pytest
from entra_emulator import Emulator


@pytest.mark.usefixtures("entra_emulator_environment")
def test_the_program_authorizes_its_service_principal_once(
    entra_emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", tmp_path.as_uri())
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    subprocess.run(["pulumi", "stack", "select", "--create", "test"], check=True)
    for _ in range(2):
        subprocess.run(["pulumi", "up", "--yes", "--skip-preview"], check=True)
    assert len(entra_emulator.journal.select("POST", "*/acquireAccessToken")) == 1
    (authorization,) = entra_emulator.tenant.authorizations()
    assert sorted(authorization.keys) == ["BaseAddress", "SecretToken"]
