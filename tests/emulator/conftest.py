"""An emulator that a module's tests share, a client of Graph, and the environment of a workload."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from entra_emulator import Emulator
from entra_emulator.workloads import Workload, without_identity
from support.emulator_clients import authorized


@pytest.fixture(scope="module")
def untouched() -> Iterator[Emulator]:
    """An emulator for tests that leave nothing behind in the tenant."""
    with Emulator() as running:
        yield running


@pytest.fixture
def graph(emulator: Emulator) -> Iterator[httpx.Client]:
    """A client of a tenant that the test may change."""
    with authorized(emulator) as client:
        yield client


@pytest.fixture(scope="module")
def untouched_graph(untouched: Emulator) -> Iterator[httpx.Client]:
    """A client for tests that leave nothing behind in the tenant."""
    with authorized(untouched) as client:
        yield client


@pytest.fixture
def in_workload(untouched: Emulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the environment of a workload, without other identities."""

    def entered(workload: Workload) -> dict[str, str]:
        for name in os.environ.keys() - without_identity(os.environ).keys():
            monkeypatch.delenv(name)
        environment = untouched.environment_in(workload)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return environment

    return entered
