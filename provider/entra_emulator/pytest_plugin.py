"""Fixtures for tests that need a tenant; pytest finds them where the package is installed.

    def test_my_program(entra_emulator_environment, entra_emulator):
        subprocess.run(["my-program"], check=True)
        assert entra_emulator.tenant.authorizations()

Nothing of the emulator is loaded before a test asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .server import Emulator


@pytest.fixture
def entra_emulator() -> Iterator[Emulator]:
    """An Entra tenant and its Graph on localhost, new for the test; sets nothing anywhere."""
    try:
        from .server import Emulator
    except ModuleNotFoundError as error:
        pytest.fail(f"{error.name} is missing: install pulumi-entra-provisioning[emulator]")
    with Emulator() as running:
        yield running


@pytest.fixture
def entra_emulator_environment(
    entra_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The variables that point a program at the test's tenant, set for the test, and no others.

    Variables of another identity are taken away, as `entra-emulator run` does.
    """
    from .cli import without_identity

    for name in os.environ.keys() - without_identity(os.environ).keys():
        monkeypatch.delenv(name)
    environment = entra_emulator.environment
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment
