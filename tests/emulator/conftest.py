from __future__ import annotations

from collections.abc import Iterator

import pytest
from entra_emulator import Emulator


@pytest.fixture(scope="module")
def untouched() -> Iterator[Emulator]:
    """An emulator for tests that leave nothing behind in the tenant."""
    with Emulator() as running:
        yield running
