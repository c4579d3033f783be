"""Fixtures for tests that need a tenant. pytest finds them once the package is installed.

    def test_my_program(entra_emulator_environment, entra_emulator):
        subprocess.run(["my-program"], check=True)
        assert entra_emulator.tenant.authorizations()

The emulator itself is only imported when a test uses a fixture.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .emulator import Emulator


@pytest.fixture
def entra_emulator() -> Iterator[Emulator]:
    """A new Entra tenant and its Graph on localhost. The test's environment does not change."""
    try:
        from .emulator import Emulator
    except ModuleNotFoundError as error:
        package = (error.name or "a package").partition(".")[0]
        pytest.fail(f"{package} is missing: install pulumi-entra-provisioning[emulator]")
    with Emulator() as running:
        yield running


@pytest.fixture
def entra_emulator_environment(
    entra_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The variables that point a program at the test's tenant, set for the test.

    Variables of another identity are removed, like in `entra-emulator run`.
    """
    from .workloads import without_identity

    for name in os.environ.keys() - without_identity(os.environ).keys():
        monkeypatch.delenv(name)
    environment = entra_emulator.environment
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment
