"""An emulator that a module's tests share, and a client of Graph."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from entra_emulator import Emulator
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
